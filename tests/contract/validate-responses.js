// Checks answers that were received against docs/openapi.yaml: path, method, status, headers, body.
//   node validate-responses.js FILE…
// Each line of a FILE is {"method", "path", "status", "headers": {lower-case name: value}, "body"}; the path
// may be a whole URL. Prints what is outside of the document, which answers of the document never came,
// and how many were checked. Exits with 1 if one is outside, or if there was none.
'use strict';
const fs = require('fs');
const readline = require('readline');
const { read, operations, newChecker } = require('./document');

// Headers of HTTP itself and those that tell a browser to be careful: not part of the contract.
const TRANSPORT = new Set(['date', 'server', 'connection', 'keep-alive', 'content-type', 'content-length',
  'transfer-encoding', 'content-encoding', 'accept-ranges', 'content-security-policy', 'x-content-type-options',
  'x-frame-options', 'referrer-policy']);
const LINES = 'application/x-ndjson';
const MOST_SHOWN = 40;

// The path's segments, decoded as the service does it: split first.
function segmentsOf(target) {
  const raw = target.replace(/^[a-z]+:\/\/[^/]*/i, '').split('?')[0];
  return raw.split('/').slice(1).map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
}

const fits = (template, segments) => template.length === segments.length
  && template.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]));

class Contract {
  constructor(document = read()) {
    this.document = document;
    this.operations = operations(document);
    this.check = newChecker();
    this.seen = new Map();
  }

  // The response of the document that an answer must be, {operation, key, response}, or null.
  find(method, target, status) {
    const segments = segmentsOf(target);
    const here = this.operations.filter((operation) => fits(operation.segments, segments));
    // The first that fits has the fewest placeholders; others of the same path go with it.
    const same = here.filter((operation) => operation.template === here[0].template);
    const operation = same.find((candidate) => candidate.method === method);
    const places = [operation?.responses, this.document['x-any-request'],
      here.length ? undefined : this.document['x-unknown-path']];
    for (const responses of places) {
      const key = [String(status), `${String(status)[0]}XX`].find((name) => responses?.[name]);
      if (key) return { operation: responses === places[0] ? operation : null, key, response: responses[key] };
    }
    return null;
  }

  // What is wrong with an answer, as sentences.
  judge({ method, path, status, headers, body }) {
    const found = this.find(method, path, status);
    if (!found) return [`status ${status} is not in the document`];
    if (found.operation) this.note(found.operation.name, found.key);
    return [...this.judgeHeaders(found.response, headers),
      ...this.judgeBody(found.response, headers, body, method === 'HEAD')];
  }

  note(name, key) {
    const pair = `${name} ${key}`;
    this.seen.set(pair, (this.seen.get(pair) || 0) + 1);
  }

  judgeHeaders(response, headers) {
    const faults = [];
    const known = new Set(TRANSPORT);
    for (const [name, header] of Object.entries(response.headers || {})) {
      const value = headers[name.toLowerCase()];
      known.add(name.toLowerCase());
      if (value === undefined) {
        if (header.required) faults.push(`no header ${name}`);
      } else {
        const fault = this.check(header.schema, value);
        if (fault) faults.push(`header ${name}: ${value}: ${fault}`);
      }
    }
    const unknown = Object.keys(headers).filter((name) => !known.has(name));
    return faults.concat(unknown.map((name) => `header ${name} is not in the document`));
  }

  judgeBody(response, headers, body, isHead) {
    if (isHead || !response.content) return body === '' ? [] : ['a body where there is none'];
    const type = (headers['content-type'] || '').split(';')[0].trim().toLowerCase();
    const content = response.content[type];
    if (!content) return [`Content-Type ${type || 'is missing and'} is not in the document`];
    if (type === LINES) return this.judgeLines(content.schema, body);
    let value = body;
    if (/json$/.test(type)) {
      try {
        value = JSON.parse(body);
      } catch {
        return ['the body is not JSON'];
      }
    }
    const fault = this.check(content.schema, value);
    if (fault) return [`body: ${fault}`];
    const sameId = type !== 'application/problem+json' || value.request_id === headers['x-request-id'];
    return sameId ? [] : [`request_id is ${value.request_id}, X-Request-Id is ${headers['x-request-id']}`];
  }

  // The schema is that of each line.
  judgeLines(schema, body) {
    for (const line of body.split('\n').slice(0, -1)) {
      let value;
      try {
        value = JSON.parse(line);
      } catch {
        return [`a line is not JSON: ${line.slice(0, 100)}`];
      }
      const fault = this.check(schema, value);
      if (fault) return [`line ${line.slice(0, 100)}: ${fault}`];
    }
    return body.endsWith('\n') ? [] : ['the last line is not ended'];
  }

  // "operation: statuses" of answers that never came.
  neverSeen() {
    const missing = new Map();
    for (const { name, responses } of this.operations) {
      const keys = Object.keys(responses).filter((key) => !this.seen.has(`${name} ${key}`));
      if (keys.length) missing.set(name, keys);
    }
    return missing;
  }
}

async function judgeFile(contract, file, result) {
  const lines = readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const record = JSON.parse(line);
    const faults = contract.judge(record);
    result.checked++;
    if (faults.length === 0) continue;
    if (++result.outside > MOST_SHOWN) continue;
    console.log(`${record.method} ${record.path.slice(0, 200)} -> ${record.status}: ${faults.join('; ')}`);
    console.log(`    ${record.body.slice(0, 300)}`);
  }
}

async function main(files) {
  const contract = new Contract();
  const result = { checked: 0, outside: 0 };
  for (const file of files) await judgeFile(contract, file, result);
  for (const [name, keys] of contract.neverSeen()) console.log(`never seen: ${name}: ${keys.join(' ')}`);
  console.log(`${result.checked} answers checked, ${result.outside} outside of the document`);
  if (result.checked === 0 || result.outside > 0) process.exitCode = 1;
}

module.exports = { Contract };
if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
