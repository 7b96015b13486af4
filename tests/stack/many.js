// What no client does one after the other. Prints how often each status came, as JSON.
//   node many.js requests URL COUNT [METHOD]   COUNT requests at once, over 50 connections
//   node many.js bodies URL COUNT [ADDRESS]    COUNT connections at once, each with a body that never ends; prints
//                                              the statuses once all but LEFT of them (the environment's) are answered,
//                                              and holds the rest until its standard input ends
'use strict';
const net = require('net');

const [what, url, count, option] = process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);
const statuses = {};

function connect(text, onStatus, localAddress) {
  const socket = net.connect({ port, host: hostname, localAddress }, () => socket.write(text));
  let rest = '';
  socket.on('data', (data) => {
    const heads = (rest + data).split('HTTP/1.1 ');
    rest = heads.pop();
    if (rest.length >= 3) { heads.push(rest); rest = ''; } else rest = `HTTP/1.1 ${rest}`;
    for (const head of heads) if (/^\d{3} /.test(head)) onStatus(head.slice(0, 3), socket);
  });
  socket.on('error', () => onStatus('reset', socket));
  return socket;
}

function requests() {
  const each = Math.ceil(count / 50);
  const text = `${option || 'GET'} ${pathname} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n`
    + 'Access-Control-Request-Method: GET\r\n\r\n';
  let left = each * 50;
  for (let i = 0; i < 50; i++) {
    connect(text.repeat(each), (status, socket) => {
      statuses[status] = (statuses[status] || 0) + 1;
      if (--left === 0) {
        console.log(JSON.stringify(statuses));
        process.exit();
      }
    });
  }
}

function bodies() {
  const text = `POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
  let left = count - Number(process.env.LEFT);
  const done = () => console.log(JSON.stringify(statuses));
  const sockets = [];
  for (let i = 0; i < count; i++) {
    sockets.push(connect(text, (status) => {
      statuses[status] = (statuses[status] || 0) + 1;
      if (--left === 0) done();
    }, option));
  }
  if (left === 0) setTimeout(done, 500);
  // A byte now and then: the pauses are all that nginx looks at.
  setInterval(() => sockets.forEach((socket) => socket.writable && socket.write(' ')), 2000);
  process.stdin.on('end', () => process.exit()).resume();
}

({ requests, bodies })[what]();
