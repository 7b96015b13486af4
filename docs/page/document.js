// Writes an OpenAPI document in YAML as JSON.
//   node document.js IN.yaml OUT.json
'use strict';
const fs = require('fs');
const yaml = require('yaml');

const [input, output] = process.argv.slice(2);
const document = yaml.parseDocument(fs.readFileSync(input, 'utf8'));
const faults = [...document.errors, ...document.warnings];
if (faults.length) {
  console.error(faults.map((fault) => fault.message).join('\n'));
  process.exit(1);
}
// The document says the same thing once and refers to it often: no limit for its aliases.
fs.writeFileSync(output, `${JSON.stringify(document.toJS({ maxAliasCount: -1 }))}\n`);
