#!/usr/bin/env node
// Writes the page of figures and its charts from the results of a run:
//   report.js DIRECTORY     (the one with results.json: build/bench)
// A complete run's page is docs/performance.md, that of any other DIRECTORY/performance.md. The
// prose is in performance.md.template.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { finderOf, promisesOf, rowsOf } = require('./figures');
const { services } = require('./services');

const TOP = path.join(__dirname, '../..');
const SHOWN = ['limit', 'front', 'ours', 'go', 'fastify', 'fastapi'];
const LOADS = {
  get: 'get one session',
  list: 'list 20 messages',
  append: 'append (2,000 sessions)',
  hot: 'append (one session)',
  create: 'create',
};

// ---- tables -----------------------------------------------------------------------------------

const table = (heads, lines) => [
  `| ${heads.join(' | ')} |`, `|${heads.map((_, i) => (i ? '---:' : '---')).join('|')}|`,
  ...lines.map((cells) => `| ${cells.join(' | ')} |`),
].join('\n');

const whole = (value) => Math.round(value).toLocaleString('en-US');
const bold = (name, text) => (name === 'ours' ? `**${text}**` : text);
const titleOf = (name) => bold(name, services[name].title);
const delayTold = (delay) => (delay ? `${delay} ms` : 'no delay');
const times = (value) => (Number.isFinite(value) ? `${value.toFixed(value < 10 ? 2 : 0)} ×` : '–');

// CPU of each service beside each other: what most readers come for.
function summaryTable(find, services_, { connections, delays, loads }) {
  const cell = (name, load) => {
    const at = { load, connections: connections[0], delay: delays[0] };
    const row = find({ service: name, ...at });
    const limit = find({ service: 'limit', ...at });
    if (!row) return '–';
    const ratio = limit && name !== 'limit' ? ` (${times(row.cpu / limit.cpu)})` : '';
    return bold(name, `${whole(row.cpu)}${ratio}`);
  };
  return table(['CPU µs a request (× the limit)', ...services_.map(titleOf)],
    loads.map((load) => [LOADS[load], ...services_.map((name) => cell(name, load))]));
}

function rowCells(row, find) {
  const at = { load: row.load, connections: row.connections, delay: row.delay };
  const against = (service) => times(row.cpu / find({ service, ...at })?.cpu);
  return [
    `${LOADS[row.load]}: ${titleOf(row.service)}`, whole(row.rate), row.cpu.toFixed(row.cpu < 100 ? 1 : 0),
    against('limit'), against('go'), row.p50.toFixed(1), row.p99.toFixed(1), row.pss.toFixed(0), row.errors,
  ];
}

const HEADS = ['', 'requests/s', 'CPU µs', '÷ limit', '÷ Go', 'p50 ms', 'p99 ms', 'PSS MB', 'errors'];

function fullTables(rows, find, { connections, delays, loads }, shown) {
  const parts = [];
  for (const delay of delays) {
    for (const number of connections) {
      const lines = loads.flatMap((load) => shown
        .map((service) => find({ service, load, connections: number, delay }))
        .filter(Boolean)
        .map((row) => rowCells(row, find)));
      parts.push(`### ${number} connections, ${delayTold(delay)} in the stand-in\n\n${table(HEADS, lines)}`);
    }
  }
  return parts.join('\n\n');
}

function tlsTable(rows) {
  const lines = rows.filter((row) => row.service === 'tls').map((row) => [
    LOADS[row.load], whole(row.rate), row.cpu.toFixed(0), row.p50.toFixed(1), row.p99.toFixed(1), row.pss.toFixed(0),
    row.errors, row.accepted]);
  return lines.length
    ? table(['', 'requests/s', 'CPU µs', 'p50 ms', 'p99 ms', 'PSS MB', 'errors', 'handshakes'], lines)
    : 'Not measured in this run.';
}

function promiseLines(promises) {
  const mark = { true: '**held**', false: '**not held**', null: '**open**' };
  return promises.map(({ promise, held, detail }) => `- ${promise}: ${mark[held]}: ${detail}.`).join('\n');
}

// ---- the machine and the command --------------------------------------------------------------

function commandOf({ rounds, seconds, services: names, loads, connections, delays, complete }) {
  if (complete && rounds === 5 && seconds === 2) return 'make bench';
  const chosen = { ROUNDS: rounds, SECONDS: seconds };
  if (!complete) Object.assign(chosen, { SERVICES: names, LOADS: loads, CONNECTIONS: connections, DELAYS: delays });
  return `make bench ${Object.entries(chosen).map(([key, value]) => `BENCH_${key}=${value}`).join(' ')}`;
}

function machineLines({ machine: m, date, minutes, settings }) {
  const versions = Object.entries(m.versions).map(([name, version]) => `${name} ${version}`).join(', ');
  return [
    `- **When**: ${date.slice(0, 10)}, ${minutes} minutes, commit ${m.commit}.`,
    `- **Command**: \`${commandOf(settings)}\`: ${settings.rounds} rounds, ${settings.seconds} s for each measurement.`,
    `- **Machine**: ${m.processor}, ${m.cores} cores, ${m.memory_gb} GB; ${m.system}, Linux ${m.kernel}. `
      + 'Everything runs on it: service, stand-in and the generator of the load.',
    `- **Versions**: ${versions}.`,
  ].join('\n');
}

// ---- charts -----------------------------------------------------------------------------------

// The lines are what the chart has on its axis, the columns the services; ? is what was not
// measured.
const dataOf = (lines) => `${lines.map(([label, ...values]) => (
  [`"${label}"`, ...values.map((value) => value ?? '?')].join('\t'))).join('\n')}\n`;

// gnuplot knows no dark pages: what it draws in black follows the reader's colours.
const STYLE = `<style>
  text { fill: #24292f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    [stroke="black"] { stroke: #9198a1; }
  }
</style>
`;

function chart(kind, lines, shown, directory, scratch, name = kind) {
  const data = path.join(scratch, `${name}.data`);
  const out = path.join(directory, `${name}.svg`);
  fs.writeFileSync(data, dataOf(lines));
  const titles = shown.map((name) => services[name].title.replace(/ \(.*/, '')).join('|');
  execFileSync('gnuplot', ['-c', path.join(__dirname, 'charts.gnuplot'), kind, data, out, shown.join(' '), titles]);
  const svg = fs.readFileSync(out, 'utf8').replace(/stroke='black'/g, 'stroke="black"');
  fs.writeFileSync(out, svg.replace(/(<svg[^>]*>)/, `$1\n${STYLE}`));
}

function writeCharts(find, shown, { connections, delays, loads }, directory, scratch) {
  const few = connections[0];
  const values = (key, load, delay) => shown.map((service) => (
    find({ service, load, connections: few, delay })?.[key].toFixed(1)));
  fs.mkdirSync(directory, { recursive: true });
  chart('cpu', loads.map((load) => [LOADS[load], ...values('cpu', load, delays[0])]), shown, directory, scratch);
  for (const delay of delays) {
    const lines = loads.map((load) => [LOADS[load], ...values('p99', load, delay)]);
    chart('p99', lines, shown, directory, scratch, `p99-${delay}ms`);
  }
  const load = loads.includes('list') ? 'list' : loads[0];
  chart('pss', connections.map((number) => [`${number} connections`, ...shown.map((service) => (
    find({ service, load, connections: number, delay: delays[0] })?.pss.toFixed(1)))]), shown, directory, scratch);
}

// ---- the page ---------------------------------------------------------------------------------

function writeReport(results, scratch) {
  const { samples, settings } = results;
  const rows = rowsOf(samples);
  const find = finderOf(rows);
  const shown = SHOWN.filter((name) => settings.services.includes(name));
  const promises = promisesOf(rows, settings);
  const directory = settings.complete ? path.join(TOP, 'docs') : scratch;
  const parts = {
    MACHINE: machineLines(results),
    PROMISES: promiseLines(promises),
    SUMMARY: summaryTable(find, shown, settings),
    TABLES: fullTables(rows, find, settings, shown),
    TLS: tlsTable(rows),
    CHARTS: settings.delays.map((delay) => (
      `![p99 of each service under each load, ${delayTold(delay)}](performance/p99-${delay}ms.svg)`)).join('\n\n'),
    CONNECTIONS: String(settings.connections[0]),
    DELAY: delayTold(settings.delays[0]),
  };
  const template = fs.readFileSync(path.join(__dirname, 'performance.md.template'), 'utf8');
  const page = path.join(directory, 'performance.md');
  fs.writeFileSync(page, template.replace(/@([A-Z]+)@/g, (_, name) => parts[name]));
  const drawn = shown.filter((name) => !services[name].brief);
  if (drawn.length) writeCharts(find, drawn, settings, path.join(directory, 'performance'), scratch);
  process.stdout.write(`${page}\n\n${parts.PROMISES.replace(/\*\*/g, '')}\n`);
}

module.exports = { writeReport };

if (require.main === module) {
  const directory = path.resolve(process.argv[2]);
  writeReport(JSON.parse(fs.readFileSync(path.join(directory, 'results.json'), 'utf8')), directory);
}
