// Stands between two that talk, and can come between them. Where DynamoDB or a pool cannot be reached, this is what
// the other side sees of it, without a privilege: connections that break, or that stay and say nothing.
//
//   relay(listen, target) → promise of {port?, cut(), hold(ms), connections()}
//
// listen and target: a path of a unix socket or a port on 127.0.0.1 (0: any).
'use strict';
const fs = require('fs');
const net = require('net');

const address = (where) => (typeof where === 'string' ? { path: where } : { port: where, host: '127.0.0.1' });

function relay(listen, target) {
  const pairs = new Set();
  let heldUntil = 0;

  // Nothing goes through until then; who connects is neither refused nor heard.
  const hold = (ms) => {
    heldUntil = Date.now() + ms;
    for (const pair of pairs) pair.forEach((socket) => socket.pause());
    setTimeout(() => {
      if (Date.now() < heldUntil) return;
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
    }, ms + 1);
  };
  const cut = () => {
    const n = pairs.size;
    for (const pair of pairs) pair.forEach((socket) => socket.destroy());
    return n;
  };
  const server = net.createServer((from) => {
    const to = net.connect(address(target));
    const pair = [from, to];
    pairs.add(pair);
    const end = () => { pairs.delete(pair); from.destroy(); to.destroy(); };
    pair.forEach((socket) => { socket.setNoDelay(true); socket.on('error', end); socket.on('close', end); });
    from.on('data', (bytes) => { if (!to.write(bytes)) { from.pause(); to.once('drain', () => from.resume()); } });
    to.on('data', (bytes) => { if (!from.write(bytes)) { to.pause(); from.once('drain', () => to.resume()); } });
    from.on('end', () => to.end());
    to.on('end', () => from.end());
    if (Date.now() < heldUntil) pair.forEach((socket) => socket.pause());
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(address(listen), () => {
      if (typeof listen === 'string') fs.chmodSync(listen, 0o660);
      resolve({ port: server.address().port, cut, hold, connections: () => pairs.size });
    });
  });
}

module.exports = { relay };

