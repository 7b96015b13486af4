// Reads docs/openapi.yaml for the other scripts: references resolved, operations listed, schemas compiled.
'use strict';
const fs = require('fs');
const path = require('path');
const yaml = require('yaml');
const Ajv2020 = require('ajv/dist/2020');
const addFormats = require('ajv-formats');

const FILE = path.join(__dirname, '../../docs/openapi.yaml');
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'];

// A copy of node in which each $ref is replaced by what it points at. The document has no circles.
function resolve(node, root) {
  if (Array.isArray(node)) return node.map((element) => resolve(element, root));
  if (node === null || typeof node !== 'object') return node;
  if (typeof node.$ref === 'string') return resolve(pointed(node.$ref, root), root);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value, root)]));
}

function pointed(reference, root) {
  const keys = reference.replace(/^#\//, '').split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const target = keys.reduce((node, key) => node?.[key], root);
  if (target === undefined) throw new Error(`${reference} points at nothing`);
  return target;
}

function read(file = FILE) {
  const document = yaml.parse(fs.readFileSync(file, 'utf8'), { maxAliasCount: -1 });
  return resolve(document, document);
}

// Each operation with its path as segments, once for each server that has it; literal paths first.
function operations(document) {
  const found = [];
  for (const [template, item] of Object.entries(document.paths)) {
    for (const server of item.servers || document.servers) {
      const full = server.url.replace(/\/$/, '') + template;
      for (const method of METHODS.filter((name) => item[name])) {
        const operation = item[method];
        found.push({
          method: method.toUpperCase(),
          template,
          segments: full.split('/').slice(1),
          name: operation.operationId || `${method.toUpperCase()} ${template}`,
          responses: operation.responses,
          operation,
        });
      }
    }
  }
  const placeholders = ({ segments }) => segments.filter((segment) => segment.startsWith('{')).length;
  return found.sort((a, b) => placeholders(a) - placeholders(b));
}

// strict: a misspelt keyword is an error. Types are not needed beside the allOf that gives them.
function newAjv() {
  const ajv = new Ajv2020({
    strict: true, strictTypes: false, strictRequired: false, allErrors: true,
  });
  addFormats(ajv);
  return ajv.addVocabulary(['example']).addFormat('int64', { type: 'number', validate: Number.isInteger });
}

// A function (schema, value) that gives what is wrong as text; empty if nothing is.
function newChecker() {
  const ajv = newAjv();
  const compiled = new Map();
  return (schema, value) => {
    let validate = compiled.get(schema);
    if (!validate) {
      validate = ajv.compile(schema);
      compiled.set(schema, validate);
    }
    return validate(value) ? '' : ajv.errorsText(validate.errors, { dataVar: '' });
  };
}

module.exports = { FILE, METHODS, read, operations, newChecker };
