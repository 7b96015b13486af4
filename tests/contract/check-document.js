// Checks docs/openapi.yaml against itself and against the sources.
//   node check-document.js CHECK…
// examples: each example fits its schema. closed: no schema of an answer lets unknown members through.
// codes: the error codes and their statuses are those of cgi-src/base/err.h and nginx's maps. routes: paths
// and methods are those of cgi-src/api/routes.c. told: the text names the statuses that any request can get.
// Prints each fault and exits with 1.
'use strict';
const fs = require('fs');
const path = require('path');
const { read, operations, newChecker, METHODS } = require('./document');

const TOP = path.join(__dirname, '../..');
const source = (file) => fs.readFileSync(path.join(TOP, file), 'utf8');

// ---- examples ----

// [where, schema, example] of everything in the document that has both.
function* examplesIn(node, where) {
  if (node === null || typeof node !== 'object') return;
  if (node.schema) {
    if (node.example !== undefined) yield [`${where}.example`, node.schema, node.example];
    for (const [name, { value }] of Object.entries(node.examples || {})) {
      yield [`${where}.examples.${name}`, node.schema, value];
    }
  } else if (Array.isArray(node.examples)) {
    for (const [i, example] of node.examples.entries()) yield [`${where}.examples.${i}`, node, example];
  }
  for (const [key, value] of Object.entries(node)) {
    if (key !== 'example') yield* examplesIn(value, `${where}.${key}`);
  }
}

function checkExamples(document) {
  const check = newChecker();
  const faults = [];
  let count = 0;
  for (const [where, schema, example] of examplesIn(document, '')) {
    const fault = check(schema, example);
    count++;
    if (fault) faults.push(`${where}: ${fault}`);
  }
  // Every answer with a JSON body shows one.
  for (const { name, responses } of operations(document)) {
    for (const [status, response] of Object.entries(responses)) {
      for (const [type, content] of Object.entries(response.content || {})) {
        if (!/json$/.test(type) || name === 'getDocument') continue;
        if (!content.example && !content.examples) faults.push(`${name} ${status} has no example`);
      }
    }
  }
  return { faults, count, what: 'examples' };
}

// ---- closed schemas ----

// Members that are the caller's own, and the document as a document.
const OPEN = /\.metadata(\.oneOf\.0)?$|\.content\.oneOf\.1\.items$|^getDocument /;

function* openObjects(schema, where) {
  if (schema.type === 'object' && schema.additionalProperties !== false && !OPEN.test(where)) yield where;
  for (const [name, property] of Object.entries(schema.properties || {})) {
    yield* openObjects(property, `${where}.${name}`);
  }
  for (const word of ['oneOf', 'anyOf', 'allOf']) {
    for (const [i, part] of (schema[word] || []).entries()) yield* openObjects(part, `${where}.${word}.${i}`);
  }
  if (schema.items) yield* openObjects(schema.items, `${where}.items`);
}

function checkClosed(document) {
  const faults = [];
  let count = 0;
  for (const { name, responses } of operations(document)) {
    for (const [status, response] of Object.entries(responses)) {
      for (const content of Object.values(response.content || {})) {
        count++;
        for (const where of openObjects(content.schema, `${name} ${status} `)) faults.push(`${where} is open`);
      }
    }
  }
  return { faults, count, what: 'schemas of answers' };
}

// ---- error codes ----

function matches(text, pattern) {
  const found = [...text.matchAll(pattern)].map((match) => match.slice(1));
  if (found.length === 0) throw new Error(`nothing matches ${pattern}`);
  return found;
}

// "status code" of every error that the application can give; "configuration" is one of the start-up only.
function codesOfApplication() {
  return matches(source('cgi-src/base/err.h'), /\bX\((ERR_\w+), "(\w+)", (\d+), \d+\)/g)
    .filter(([name]) => name !== 'ERR_CONFIGURATION').map(([, code, status]) => `${status} ${code}`);
}

function block(text, start) {
  const at = text.indexOf(start);
  if (at < 0) throw new Error(`there is no ${start}`);
  return text.slice(at, text.indexOf('}', at));
}

function codesOfNginx() {
  const maps = source('nginx/snippets/http.conf');
  return matches(block(maps, 'map $status $chat_sessions_code'), /(\d{3}) (\w+);/g)
    .map(([status, code]) => `${status} ${code}`);
}

// Both as the document's problem responses tell it.
function codesOfDocument(document) {
  const found = new Set();
  for (const response of Object.values(document.components.responses)) {
    const schema = response.content?.['application/problem+json']?.schema;
    if (!schema) continue;
    const { status, code } = schema.allOf[1].properties;
    for (const name of code.enum) found.add(`${status.const} ${name}`);
  }
  return found;
}

function checkCodes(document) {
  const built = new Set([...codesOfApplication(), ...codesOfNginx(), '500 internal']);
  const told = codesOfDocument(document);
  const { enum: codes, description } = document.components.schemas.ErrorCode;
  const listed = new Set(codes);
  const named = new Set([...told].map((pair) => pair.split(' ')[1]));
  const faults = [
    ...[...built].filter((pair) => !told.has(pair)).map((pair) => `${pair} is not in a response of the document`),
    ...[...told].filter((pair) => !built.has(pair)).map((pair) => `${pair} is in no source`),
    ...[...named].filter((code) => !listed.has(code)).map((code) => `${code} is not in ErrorCode`),
    ...[...listed].filter((code) => !named.has(code)).map((code) => `${code} of ErrorCode is in no response`),
    ...[...told].filter((pair) => !description.includes(`| \`${pair.split(' ')[1]}\` | ${pair.split(' ')[0]} |`))
      .map((pair) => `${pair} is not in ErrorCode's table`),
  ];
  return { faults, count: built.size, what: 'error codes' };
}

// ---- routes ----

// "METHOD /path" of the application's one table; HEAD and OPTIONS come with it.
function routesOfApplication() {
  const rows = matches(source('cgi-src/api/routes.c'), /\{\.path = "([^"]+)"([^{}]*(?:\{[^{}]*\})?[^{}]*)\}/g);
  return rows.flatMap(([template, handlers]) => {
    const methods = matches(handlers, /\.(get|post|put|patch|delete) = /g).map(([method]) => method);
    return [...methods, ...(methods.includes('get') ? ['head'] : []), 'options']
      .map((method) => `${method.toUpperCase()} ${template}`);
  });
}

const OF_OTHERS = ['/metrics', '/api/v1/metrics', '/openapi.json', '/docs', '/api/v1/openapi.json', '/api/v1/docs'];

function checkRoutes(document) {
  const built = new Set(routesOfApplication());
  const told = new Set(operations(document).map(({ method, segments }) => `${method} /${segments.join('/')}`)
    .filter((route) => !OF_OTHERS.includes(route.split(' ')[1])));
  const faults = [
    ...[...built].filter((route) => !told.has(route)).map((route) => `${route} is not in the document`),
    ...[...told].filter((route) => !built.has(route)).map((route) => `${route} is in no source`),
  ];
  for (const [template, item] of Object.entries(document.paths)) {
    const inPath = matches(`${template}{}`, /\{(\w*)\}/g).map(([name]) => name).filter(Boolean);
    const parameters = (item.parameters || []).filter((parameter) => parameter.in === 'path');
    const names = parameters.map(({ name }) => name);
    if (inPath.join() !== names.join()) faults.push(`${template}: parameters ${names}`);
    if (!METHODS.some((method) => item[method])) faults.push(`${template} has no operation`);
  }
  return { faults, count: built.size, what: 'routes' };
}

// ---- what a reader of the page is told ----

// The page shows no member that begins with x-: the statuses of any request are named in the text.
function checkTold(document) {
  const { description } = document.info;
  const [, sentence] = description.match(/### Any request\n([^:]*):/) || [];
  const told = (sentence || '').match(/\b\d{3}\b/g) || [];
  const wanted = Object.keys(document['x-any-request']);
  const faults = told.join() === wanted.join() ? [] : [`the text names ${told}, x-any-request ${wanted}`];
  if (/x-[a-z]+-[a-z]+`/.test(description)) faults.push('the text sends readers to a member that is not shown');
  return { faults, count: wanted.length, what: 'statuses of any request' };
}

const CHECKS = {
  examples: checkExamples, closed: checkClosed, codes: checkCodes, routes: checkRoutes, told: checkTold,
};

function main(names) {
  const document = read();
  for (const name of names.length ? names : Object.keys(CHECKS)) {
    const { faults, count, what } = CHECKS[name](document);
    for (const fault of faults) console.log(`${name}: ${fault}`);
    console.log(`${count} ${what}, ${faults.length} faults`);
    if (faults.length || count === 0) process.exitCode = 1;
  }
}

module.exports = { CHECKS };
if (require.main === module) main(process.argv.slice(2));
