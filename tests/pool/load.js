#!/usr/bin/env node
// A load of HTTP requests over kept-alive connections, and what came of it as one line of JSON:
// requests, failed (no answer at all), statuses, the fewest and the most answers of one client, and
// the slowest answer in ms.
//   load.js URL CLIENTS SECONDS [BODY BYTES]
// TERM ends it sooner.
'use strict';
const http = require('node:http');

const [url, clients, seconds, bytes] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const body = bytes ? Buffer.alloc(bytes, 'b') : null;
let end = Date.now() + seconds * 1000;
process.on('SIGTERM', () => { end = 0; }); // what has begun is ended, and the line comes
const result = { requests: 0, failed: 0, errors: {}, statuses: {}, slowest_ms: 0 };

function once(agent) {
    return new Promise((done) => {
        const started = Date.now();
        const finish = (error, status) => {
            result.requests++;
            result.slowest_ms = Math.max(result.slowest_ms, Date.now() - started);
            if (error) {
                result.failed++;
                result.errors[error] = (result.errors[error] || 0) + 1;
            } else {
                result.statuses[status] = (result.statuses[status] || 0) + 1;
            }
            done(status);
        };
        const headers = body ? { 'Content-Length': body.length } : {};
        const request = http.request(url, { agent, method: body ? 'POST' : 'GET', headers }, (answer) => {
            answer.resume();
            answer.on('error', (e) => finish(e.code));
            answer.on('end', () => finish(null, answer.statusCode));
        });
        request.on('error', (e) => finish(e.code));
        request.end(body);
    });
}

async function client() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let good = 0;
    while (Date.now() < end) {
        if ((await once(agent)) === 200) good++;
    }
    agent.destroy();
    return good;
}

Promise.all(Array.from({ length: clients }, client)).then((good) => {
    result.client_fewest = Math.min(...good);
    result.client_most = Math.max(...good);
    console.log(JSON.stringify(result));
});
