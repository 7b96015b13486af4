// Puts answers that were really given into docs/openapi.yaml as its examples.
//   node record-examples.js FILE…
// Each line of a FILE is an answer as client.ts records it (RECORD), with the name of its operation. The first
// answer for a place is taken; what has no answer stays as it is, and so does everything else in the file.
'use strict';
const fs = require('fs');
const yaml = require('yaml');
const { FILE, METHODS } = require('./document');

const LONGEST = 8000; // bytes of an example; more is not read by anybody

const document = yaml.parseDocument(fs.readFileSync(FILE, 'utf8'));

// A node by its keys, through aliases and $refs.
function follow(node, ...keys) {
  let at = node;
  for (const key of keys) at = target(at)?.get?.(key, true);
  return target(at);
}

function target(node) {
  if (yaml.isAlias(node)) return target(node.resolve(document));
  const reference = yaml.isMap(node) && node.get('$ref');
  return reference ? follow(document.contents, ...reference.slice(2).split('/')) : node;
}

// name -> the map of its responses
function responsesByOperation() {
  const found = new Map();
  for (const { value: item } of follow(document.contents, 'paths').items) {
    for (const method of METHODS) {
      const name = follow(item, method, 'operationId')?.value;
      if (name) found.set(name, follow(item, method, 'responses'));
    }
  }
  return found;
}

// Where an answer's example stands: [the map that holds it, its key], or null.
function placeOf(responses, { status, headers, body }) {
  const type = (headers['content-type'] || '').split(';')[0];
  const content = follow(responses, String(status), 'content', type);
  if (!content || !/json$/.test(type)) return null;
  const example = content.get('example', true);
  // An alias shows what another place shows.
  if (example) return yaml.isAlias(example) ? null : [content, 'example'];
  const named = follow(content, 'examples', JSON.parse(body).code);
  return named ? [named, 'value'] : null;
}

function put([map, key], value) {
  const node = document.createNode(value);
  // Other readers of YAML take a bare time for one of their own kind.
  yaml.visit(node, {
    Scalar(_, scalar) {
      if (/^\d{4}-\d\d-/.test(scalar.value)) scalar.type = yaml.Scalar.QUOTE_SINGLE;
    },
  });
  const { anchor } = map.get(key, true);
  if (anchor) node.anchor = anchor;
  map.set(key, node);
}

function main(files) {
  const responses = responsesByOperation();
  const taken = new Map(); // map -> true
  for (const line of files.flatMap((file) => fs.readFileSync(file, 'utf8').split('\n')).filter(Boolean)) {
    const record = JSON.parse(line);
    if (record.body.length > LONGEST || !responses.has(record.operation)) continue;
    const place = placeOf(responses.get(record.operation), record);
    if (!place || taken.has(place[0])) continue;
    put(place, JSON.parse(record.body));
    taken.set(place[0], true);
  }
  fs.writeFileSync(FILE, document.toString({ lineWidth: 0, flowCollectionPadding: true }));
  console.log(`${taken.size} examples taken`);
}

main(process.argv.slice(2));
