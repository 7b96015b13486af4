// Shows the OpenAPI document of this server with Swagger UI. Requests go to this server alone.
'use strict';

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
