// What a run of the benchmark measures, from the environment: BENCH_ROUNDS, BENCH_SECONDS,
// BENCH_SERVICES, BENCH_LOADS, BENCH_CONNECTIONS, BENCH_DELAYS. Lists are separated by commas or
// blanks.
'use strict';

const SERVICES = ['ours', 'tls', 'go', 'fastify', 'fastapi', 'limit', 'front'];
// In this order: what a load leaves in a cache must not be what the next one needs.
const LOADS = ['get', 'list', 'append', 'hot', 'create'];

const complete = { rounds: 5, seconds: 2, services: SERVICES, loads: LOADS, connections: [64, 256], delays: [0, 5] };

function fail(name, value, allowed) {
  throw new Error(`${name} must be ${allowed}, not "${value}"`);
}

function numberOf(name, value, low, high) {
  if (!/^\d+$/.test(value) || Number(value) < low || Number(value) > high) {
    fail(name, value, `a whole number from ${low} to ${high}`);
  }
  return Number(value);
}

function listOf(name, value, parse) {
  const list = value.split(/[\s,]+/).filter(Boolean).map(parse);
  if (!list.length) fail(name, value, 'a list with something in it');
  return list;
}

const oneOf = (name, allowed) => (value) => (
  allowed.includes(value) ? value : fail(name, value, `of ${allowed.join(', ')}`));
const inOrder = (order, chosen) => order.filter((one) => chosen.includes(one));

// The settings; complete is true if nothing is left out and there are enough rounds for a median.
function settingsOf(environment) {
  const given = (name, read, otherwise) => (environment[name] ? read(name, environment[name]) : otherwise);
  const number = (low, high) => (name, value) => numberOf(name, value, low, high);
  const numbers = (low, high) => (name, value) => listOf(name, value, (one) => numberOf(name, one, low, high));
  const names = (allowed) => (name, value) => inOrder(allowed, listOf(name, value, oneOf(name, allowed)));
  const settings = {
    rounds: given('BENCH_ROUNDS', number(1, 1000), complete.rounds),
    seconds: given('BENCH_SECONDS', number(1, 600), complete.seconds),
    services: given('BENCH_SERVICES', names(SERVICES), complete.services),
    loads: given('BENCH_LOADS', names(LOADS), complete.loads),
    connections: given('BENCH_CONNECTIONS', numbers(1, 10000), complete.connections),
    delays: given('BENCH_DELAYS', numbers(0, 10000), complete.delays),
  };
  const same = (key) => settings[key].join() === complete[key].join();
  settings.complete = settings.rounds >= complete.rounds && settings.seconds >= complete.seconds
    && ['services', 'loads', 'connections', 'delays'].every(same);
  return settings;
}

module.exports = { settingsOf };
