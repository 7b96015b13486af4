// Times of other programs, and what the service wants of them: milliseconds, whole, strictly increasing, none in the
// future. The order of the messages is not in question here: it is theirs; their times are made to fit it.

/** 2000-01-01: what claims to be older is no chat. */
const EARLIEST = 946_684_800_000;

/** Milliseconds since 1970, or undefined for what is no time. Numbers may be seconds, milli- or microseconds. */
export function readTime(value: unknown): number | undefined {
  if (value instanceof Date) return readTime(value.getTime());
  if (typeof value === 'string') {
    return /^\d+(\.\d+)?$/.test(value.trim()) ? readTime(Number(value)) : readDate(value);
  }
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return undefined;
  let ms = value;
  if (value < 1e11) ms = value * 1000 + 1e-3; // 1756000000.123 seconds are …122.99 ms in binary
  else if (value >= 1e17) ms = value / 1e6;
  else if (value >= 1e14) ms = value / 1000;
  ms = Math.floor(ms);
  return ms >= EARLIEST ? ms : undefined;
}

// As Date.parse, but the same on every machine: a time without a zone is UTC.
function readDate(text: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(text.trim());
  let ms: number;
  if (parts) {
    const zone = (parts[4] ?? 'Z').toUpperCase().replace(/^([+-]\d\d):?(\d\d)$/, '$1:$2');
    ms = Date.parse(`${parts[1]}T${parts[2]}${parts[2]!.length === 5 ? ':00' : ''}.${(parts[3] ?? '').padEnd(3, '0').slice(0, 3)}${zone}`);
  } else {
    ms = Date.parse(text);
  }
  return Number.isNaN(ms) || ms < EARLIEST ? undefined : ms;
}

// The longest run of times that increase strictly: one clock that was wrong must not move all that came after it.
function longestIncrease(times: readonly (number | undefined)[]): Set<number> {
  const tails: number[] = []; // of the runs of each length, where the one ends that ends lowest
  const before: number[] = [];
  times.forEach((time, i) => {
    if (time === undefined) return;
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[tails[middle]!]! < time) low = middle + 1; else high = middle;
    }
    before[i] = low ? tails[low - 1]! : -1;
    // Of two that are equal the first keeps its time.
    if (low === tails.length || times[tails[low]!]! > time) tails[low] = i;
  });
  const kept = new Set<number>();
  for (let i = tails.length ? tails[tails.length - 1]! : -1; i >= 0; i = before[i]!) kept.add(i);
  return kept;
}

export interface Repaired {
  /** Undefined throughout if no time is known: the service gives them then. */
  times: (number | undefined)[];
  missing: number;
  /** Equal to another's, out of order, or in the future. */
  moved: number;
}

/**
 * Makes the times strictly increasing and not later than `now`, changing as few as it can. `start` stands in where no
 * message has a time.
 */
export function repairTimes(given: readonly (number | undefined)[], start: number | undefined, now: number): Repaired {
  const known = given.map((time) => (time !== undefined && time <= now ? time : undefined));
  const missing = given.filter((time) => time === undefined).length;
  const kept = longestIncrease(known);
  if (kept.size === 0) {
    if (start === undefined || start > now) return { times: given.map(() => undefined), missing, moved: given.length - missing };
    known[0] = start;
    kept.add(0);
  }
  const first = Math.min(...kept);
  const times: number[] = [];
  given.forEach((_, i) => {
    if (i < first) times.push(known[first]! - (first - i));
    else if (kept.has(i)) times.push(Math.max(known[i]!, i > 0 ? times[i - 1]! + 1 : 0));
    else times.push(times[i - 1]! + 1);
  });
  let limit = now;
  for (let i = times.length - 1; i >= 0 && times[i]! > limit; i -= 1) times[i] = limit--;
  const moved = given.filter((time, i) => time !== undefined && time !== times[i]).length;
  return { times, missing, moved };
}

/** RFC 3339 in UTC, as the service writes it. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
