#!/usr/bin/env node
// Many requests at the same time, each on a connection of its own, and what came of them as one line of JSON:
// for each path the statuses (or errors) and how often they came.
//   at-once.js URL STATUS_SOCKET PATH N [PATH N…]     a path that begins with @ goes to the status socket
'use strict';
const http = require('node:http');

const [url, socketPath, ...wanted] = process.argv.slice(2);
const result = {};

function once(path) {
    const { hostname, port } = new URL(url);
    const target = path.startsWith('@') ? { socketPath, path: path.slice(1) } : { hostname, port, path };
    return new Promise((done) => {
        const count = (what) => { result[path][what] = (result[path][what] || 0) + 1; done(); };
        const request = http.get({ ...target, agent: false }, (answer) => {
            answer.resume();
            answer.on('error', (e) => count(e.code));
            answer.on('end', () => count(answer.statusCode));
        });
        request.on('error', (e) => count(e.code));
    });
}

const all = [];
for (let i = 0; i < wanted.length; i += 2) {
    result[wanted[i]] = {};
    for (let n = 0; n < Number(wanted[i + 1]); n++) all.push(once(wanted[i]));
}
Promise.all(all).then(() => console.log(JSON.stringify(result)));
