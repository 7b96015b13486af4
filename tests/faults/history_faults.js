// What happens to the service while a history is made: each kind of fault is a function of the world, which
// tests/faults/mix has set up and described (world.json). A fault is over, or ends by itself, when its promise is kept;
// a world that a fault cannot be done to says why.
'use strict';
const { execFile } = require('child_process');
const fs = require('fs');
const { pause, workersOf } = require('../lib/client.js');

const run = (...command) => new Promise((resolve, reject) => {
  execFile(command[0], command.slice(1), { maxBuffer: 1 << 20 }, (error, out, err) => {
    if (error) reject(new Error(`${command.join(' ')}: ${err || error.message}`));
    else resolve(out);
  });
});

const processOf = (node) => Number(fs.readFileSync(`${node.state}/pids/pool`, 'utf8').split(' ')[0]);

function mastersWorkers(node) {
  try {
    return workersOf(processOf(node));
  } catch {
    return []; // the master has just been killed
  }
}

const faults = {
  async kill_worker({ node, choose }) {
    const workers = mastersWorkers(node);
    if (!workers.length) return false;
    process.kill(choose(workers), 'SIGKILL');
    return true;
  },
  async kill_all_workers({ node }) {
    const workers = mastersWorkers(node);
    workers.forEach((pid) => process.kill(pid, 'SIGKILL'));
    return workers.length > 0;
  },
  // As whoever watches over it would, it is started again.
  async kill_master({ node }) {
    process.kill(processOf(node), 'SIGKILL');
    await run(node.start_pool);
    return true;
  },
  async reload({ node }) {
    process.kill(processOf(node), 'SIGHUP');
    return true;
  },
  // On its data: what it has acknowledged must be there afterwards. DynamoDB Local answers some milliseconds before a
  // transaction would outlive a SIGKILL (docs/reliability.md), which DynamoDB does not: so for a moment before it dies no
  // answer of it gets through, and the calls of that moment end as calls do whose answer is lost.
  async restart_dynamodb({ world }) {
    const ms = 1000;
    for (const node of world.nodes) node.front_relay.hold(2 * ms);
    await pause(ms);
    process.kill(Number(fs.readFileSync(`${world.dynamodb.state}/pids/dynamodb`, 'utf8').split(' ')[0]), 'SIGKILL');
    await run(world.dynamodb.start);
    return true;
  },
  async cut_nginx_from_pool({ node }) {
    return node.pool_relay.cut() > 0;
  },
  async cut_off_node({ node, below }) {
    const ms = 500 + below(3000);
    node.front_relay.hold(ms);
    await pause(ms);
    return true;
  },
  // One node's clock is 5 s ahead for good; the other's steps, back more often than not.
  async step_clock({ world, below }) {
    const node = world.nodes[1];
    const clock = `${node.clock}.new`;
    fs.writeFileSync(clock, `${['-4', '-2', '-1', '+0', '+3'][below(5)]}s\n`);
    fs.renameSync(clock, node.clock);
    return true;
  },
  async fill_log_disk({ world }) {
    const node = world.nodes[0];
    if (!node.log_disk) return false;
    const file = fs.openSync(`${node.log_disk}/filler`, 'w');
    try {
      for (;;) fs.writeSync(file, Buffer.alloc(4096));
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(file);
    }
    await pause(1500);
    fs.unlinkSync(`${node.log_disk}/filler`);
    fs.truncateSync(`${node.log_disk}/log`, 0);
    return true;
  },
};

module.exports = { faults };
