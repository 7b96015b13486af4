// The stand-in for DynamoDB, started for one service at a time, and what it counts.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { execFileSync } = require('node:child_process');

const DIRECTORY = path.join(__dirname, '../lib/stand-in');

function fetchText(url) {
  const get = url.startsWith('https:') ? https.get : http.get;
  return new Promise((resolve, reject) => {
    get(url, { agent: false, rejectUnauthorized: false }, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('error', reject);
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

// Connections that were accepted and requests that were answered so far, those of this question
// included.
function countsIn(status) {
  const [accepted, , requests] = /^\s*(\d+) (\d+) (\d+)\s*$/m.exec(status).slice(1).map(Number);
  return { accepted, requests };
}

// {url, environment, counts, stop}; environment is what a caller has to be told.
function startStandIn(state, { delay, tls }) {
  const options = ['--state', state, '--delay', String(delay), ...(tls ? ['--tls'] : [])];
  execFileSync(path.join(DIRECTORY, 'start'), options, { stdio: ['ignore', 'ignore', 'inherit'] });
  const file = path.join(state, 'endpoint.env');
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2)));
  const url = environment.AWS_ENDPOINT_URL_DYNAMODB;
  return {
    url,
    file,
    environment,
    counts: async () => countsIn(await fetchText(`${url}/-/status`)),
    stop: () => execFileSync(path.join(DIRECTORY, 'stop'), ['--state', state], { stdio: 'ignore' }),
  };
}

// Between two counts, without the question that gave the second.
const difference = (before, after) => ({
  accepted: after.accepted - before.accepted - 1,
  requests: after.requests - before.requests - 1,
});

module.exports = { countsIn, difference, fetchText, startStandIn };
