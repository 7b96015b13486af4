// An issuer for tests: keys, their JSON Web Key Set, and signed tokens, with Node's own crypto.
//   node make-tokens.js keys DIR                          RS256.pem, ES256.pem, EdDSA.pem, jwks.json
//   node make-tokens.js token DIR ALG CLAIMS [HEADER]     signed with DIR/ALG.pem
//   node make-tokens.js hmac SECRET CLAIMS [HEADER]       HS256
// CLAIMS is JSON; exp is added unless given (null: left out). HEADER is JSON, added to the usual one.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

// Writes the keys, with ALG as the kid of each.
function makeKeys(directory) {
  const keys = Object.entries(kinds).map(([alg, [type, options]]) => {
    const pair = crypto.generateKeyPairSync(type, options);
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    fs.writeFileSync(path.join(directory, `${alg}.pem`), pem, { mode: 0o600 });
    return { ...pair.publicKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' };
  });
  // What real sets have next to the keys that sign.
  keys.push({ kty: 'oct', kid: 'HS256', k: 'c2VjcmV0' }, { kty: 'AKP', kid: 'future' }, null);
  fs.writeFileSync(path.join(directory, 'jwks.json'), JSON.stringify({ keys }));
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signingInput(header, claims) {
  const all = { exp: Math.floor(Date.now() / 1000) + 600, ...claims };
  for (const name of Object.keys(all)) if (all[name] === null) delete all[name];
  return `${encode(header)}.${encode(all)}`;
}

function sign(alg, input, pem) {
  const key = { key: pem, dsaEncoding: 'ieee-p1363' };
  return crypto.sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), key).toString('base64url');
}

function token(directory, alg, claims, header = {}) {
  const pem = fs.readFileSync(path.join(directory, `${alg}.pem`));
  const input = signingInput({ alg, typ: 'JWT', kid: alg, ...header }, claims);
  return `${input}.${sign(alg, input, pem)}`;
}

function hmac(secret, claims, header = {}) {
  const input = signingInput({ alg: 'HS256', typ: 'JWT', ...header }, claims);
  return `${input}.${crypto.createHmac('sha256', secret).update(input).digest('base64url')}`;
}

module.exports = { makeKeys, token, hmac };

function main([what, ...rest]) {
  const json = (text) => (text === undefined ? undefined : JSON.parse(text));
  if (what === 'keys' && rest.length === 1) return makeKeys(rest[0]);
  if (what === 'token' && rest.length >= 3) {
    return console.log(token(rest[0], rest[1], json(rest[2]), json(rest[3])));
  }
  if (what === 'hmac' && rest.length >= 2) {
    return console.log(hmac(rest[0], json(rest[1]), json(rest[2])));
  }
  console.error('usage: make-tokens.js keys DIR | token DIR ALG CLAIMS [HEADER] | hmac SECRET CLAIMS [HEADER]');
  process.exitCode = 2;
}

if (require.main === module) main(process.argv.slice(2));
