// SHA-256 (FIPS 180-4) of a text. Browsers have it in crypto.subtle, but on HTTPS and localhost alone, and an import must
// give the same keys everywhere.

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((p) => n % p !== 0)) primes.push(n);
  return primes;
}
const fraction = (x: number) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const K = firstPrimes(64).map((p) => fraction(Math.cbrt(p)));
const START = firstPrimes(8).map((p) => fraction(Math.sqrt(p)));

function padded(text: string): DataView {
  const bytes = new TextEncoder().encode(text);
  const view = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  view.setUint32(view.byteLength - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(view.byteLength - 4, bytes.length << 3);
  return view;
}

const turn = (x: number, n: number) => (x >>> n) | (x << (32 - n));

function addBlock(state: number[], view: DataView, offset: number): number[] {
  const w: number[] = [];
  for (let t = 0; t < 64; t += 1) {
    if (t < 16) {
      w.push(view.getInt32(offset + 4 * t));
      continue;
    }
    const [a, b] = [w[t - 15]!, w[t - 2]!];
    const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
    const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
    w.push((w[t - 16]! + s0 + w[t - 7]! + s1) | 0);
  }
  let [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
  for (let t = 0; t < 64; t += 1) {
    const t1 = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[t]! + w[t]!) | 0;
    const t2 = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((x, i) => (x + state[i]!) | 0);
}

export function sha256(text: string): string {
  const view = padded(text);
  let state = START;
  for (let offset = 0; offset < view.byteLength; offset += 64) state = addBlock(state, view, offset);
  return state.map((x) => (x >>> 0).toString(16).padStart(8, '0')).join('');
}
