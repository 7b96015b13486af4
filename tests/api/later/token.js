// Prints a JSON Web Token signed with HS256.
//   node token.js SECRET PAYLOAD [HEADER]      payload and header as JSON
'use strict';
const crypto = require('crypto');

const [secret, payload, header = '{"alg":"HS256","typ":"JWT"}'] = process.argv.slice(2);
const encode = (text) => Buffer.from(text).toString('base64url');
const signed = `${encode(header)}.${encode(payload)}`;
const signature = crypto.createHmac('sha256', secret).update(signed).digest('base64url');
console.log(`${signed}.${JSON.parse(header).alg === 'none' ? '' : signature}`);
