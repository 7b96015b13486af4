// From the samples of a run to what is told: medians over the rounds, ratios within the run, and
// whether the promises hold.
'use strict';

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

// A refused request must not make a service look cheap or fast.
const good = (sample) => Math.max(1, sample.requests - sample.status_errors);

// One row from the samples of all rounds for one service, load, number of connections and delay.
// Times in ms, CPU in µs.
function rowOf(samples) {
  const { service, load, connections, delay } = samples[0];
  const over = (value) => median(samples.map(value));
  return {
    service,
    load,
    connections,
    delay,
    rate: over((s) => good(s) / s.microseconds * 1e6),
    cpu: over((s) => s.cpu_us / good(s)),
    p50: over((s) => s.p50 / 1000),
    p99: over((s) => s.p99 / 1000),
    pss: over((s) => s.pss_kb / 1024),
    accepted: Math.max(...samples.map((s) => s.accepted)),
    errors: sum(samples.map((s) => s.status_errors + s.socket_errors + s.warm_up_errors)),
  };
}

function rowsOf(samples) {
  const groups = new Map();
  for (const sample of samples) {
    const key = [sample.service, sample.load, sample.connections, sample.delay].join();
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()].map(rowOf);
}

// find({service, load, connections, delay}) → the row, or undefined.
const finderOf = (rows) => (wanted) => (
  rows.find((row) => Object.entries(wanted).every(([key, value]) => row[key] === value)));

// ---- the promises -----------------------------------------------------------------------------

const COMPARED = ['get', 'list', 'append', 'create'];
const LIMITS = { get: 3.5, create: 3.5, append: 3.5, list: 4.0 };
const GO_SHARE = 1 / 3;
const PSS_MB = 45;

const where = (row) => `${row.load} at ${row.connections} connections, ${row.delay} ms`;
const NOT_MEASURED = { held: null, detail: 'not measured in this run' };

// The worst of the rows by a measure that must be at most 1.
function judge(rows, share, tell) {
  if (!rows.length) return NOT_MEASURED;
  const worst = rows.reduce((a, b) => (share(b) > share(a) ? b : a));
  const over = rows.filter((row) => share(row) > 1);
  const detail = over.length ? `${over.map(tell).join('; ')}` : `at most ${tell(worst)}`;
  return { held: over.length === 0, detail };
}

function promisesOf(rows, { connections, delays }) {
  const find = finderOf(rows);
  const [few, many] = [Math.min(...connections), Math.max(...connections)];
  const least = Math.min(...delays);
  const of = (service, row) => find({ service, load: row.load, connections: row.connections, delay: row.delay });
  const ours = rows.filter((row) => row.service === 'ours' && COMPARED.includes(row.load));
  const against = (service, chosen) => chosen.filter((row) => of(service, row));
  const ratio = (service, row) => row.cpu / of(service, row).cpu;

  const told = (service) => (row) => (
    `${ratio(service, row).toFixed(2)} × (allowed ${LIMITS[row.load]}) for ${where(row)}`);
  const share = (service) => (row) => ratio(service, row) / LIMITS[row.load];
  const isMeasure = (row) => row.connections === few && row.delay === least;
  const tls = rows.filter((row) => row.service === 'tls');
  return [
    {
      promise: `CPU a request at most 3.5 × the limit for get, create and append, 4.0 × for the list `
        + `(${few} connections, ${least} ms)`,
      ...judge(against('limit', ours).filter(isMeasure), share('limit'), told('limit')),
    },
    {
      promise: 'The same with more connections and with delay',
      ...judge(against('limit', ours).filter((row) => !isMeasure(row)), share('limit'), told('limit')),
    },
    {
      promise: 'The same against the nginx of this service, with its log and rules, forwarding',
      ...judge(against('front', ours), share('front'), told('front')),
    },
    {
      promise: 'CPU a request at most a third of Go\'s, everywhere',
      ...judge(against('go', ours), (row) => ratio('go', row) / GO_SHARE,
        (row) => `${ratio('go', row).toFixed(2)} of Go's for ${where(row)}`),
    },
    {
      promise: `p99 at ${few} connections not above Go's`,
      ...judge(against('go', ours).filter((row) => row.connections === few),
        (row) => row.p99 / of('go', row).p99,
        (row) => `${row.p99.toFixed(1)} ms (Go: ${of('go', row).p99.toFixed(1)} ms) for ${where(row)}`),
    },
    {
      promise: `No error at ${many} connections`,
      ...judge(rows.filter((row) => row.service === 'ours' && row.connections === many),
        (row) => (row.errors ? 2 : 0), (row) => `${row.errors} errors for ${where(row)}`),
    },
    {
      promise: `PSS at most ${PSS_MB} MB after the list, with the default number of slots`,
      ...judge(ours.filter((row) => row.load === 'list'), (row) => row.pss / PSS_MB,
        (row) => `${row.pss.toFixed(1)} MB after ${where(row)}`),
    },
    {
      promise: 'With TLS no handshake while the load is steady',
      ...judge(tls, (row) => (row.accepted ? 2 : 0),
        (row) => `${row.accepted} new connections for ${where(row)}`),
    },
  ];
}

module.exports = { COMPARED, finderOf, promisesOf, rowsOf };
