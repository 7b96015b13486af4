// Shows the OpenAPI document of this server with Swagger UI. Requests go to this server alone.
'use strict';

// Swagger UI has a dark style and leaves it to the page when to use it: when the reader's system is dark.
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const followSystem = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followSystem);
followSystem();

window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#page',
  presets: [window.SwaggerUIBundle.presets.apis],
  // Without this, Swagger UI sends the document's address to a validator elsewhere.
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'list',
  // The schemas are shown with each operation; the list of all of them stays closed.
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Requests that another page has prepared in this page's address are not taken over.
  queryConfigEnabled: false,
});
