// The rule by which ganvas/export/noise.py draws: SplitMix64, counted.
const MASK = (1n << 64n) - 1n, WEYL = 0x9E3779B97F4A7C15n, LABELS = 1n << 32n, WORDS = 1n << 33n, CUT = 2;

function mixed(x) {
  x = ((x ^ (x >> 30n)) * 0xBF58476D1CE4E5B9n) & MASK;
  x = ((x ^ (x >> 27n)) * 0x94D049BB133111EBn) & MASK;
  return x ^ (x >> 31n);
}

function stream(seed, number) {
  const start = mixed((mixed(BigInt.asUintN(64, seed)) + number * WEYL) & MASK);
  return index => Number(mixed((start + (BigInt(index) + 1n) * WEYL) & MASK) >> 11n) * 2 ** -53;
}

function pair(seed, number) {
  const radius = stream(seed, number), angle = stream(seed, number + 1n);
  return index => Math.sqrt(-2 * Math.log1p(-radius(index))) * Math.cos(2 * Math.PI * angle(index));
}

export function normal(seed, count, truncation = 1, first = 0n) {
  const z = Float64Array.from({ length: count }, (_, k) => k).map(pair(seed, first));
  for (let number = first + 2n, again = truncation < 1; again; number += 2n) {
    const draw = pair(seed, number);
    again = false;
    for (let k = 0; k < count; k++) if (Math.abs(z[k]) > CUT) { z[k] = draw(k); again = true; }
  }
  return Float32Array.from(z, value => truncation * value);
}

export function whole(seed, count, below) {
  const draw = stream(seed, LABELS);
  return Array.from({ length: count }, (_, k) => Math.floor(draw(k) * below));
}

// Of each token of text k the quantile at which it is taken.
export const quantiles = (seed, k) => stream(seed, WORDS + BigInt(k));
