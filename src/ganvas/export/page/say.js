// How an exported voice speaks: the same rule as ganvas/export/spoken.py.
import * as ort from "./ort.js";
import { normal } from "./noise.js";

const STREAMS = 4;
const floats = (data, shape) => new ort.Tensor("float32", data, shape);

export class Voice {
  constructor(facts, [reader, flow, decoder, pitch]) { Object.assign(this, { facts, reader, flow, decoder, pitch }); }

  // Sentences as lists of numbers of symbols -> samples, with pauses between.
  async say(sentences, { seed = 0, speaker = 0, speed = 1, variation = .2, rhythm = 0, pause = .25 }) {
    const parts = [];
    for (const [k, text] of sentences.entries()) {
      if (k) parts.push(new Float32Array(Math.round(pause * this.facts.rate)));
      parts.push(await this.sound(await this.latents(text, { seed, speaker, speed, variation, rhythm }, k)));
    }
    const found = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (found.set(part, at), at + part.length), 0);
    return found;
  }

  async latents(text, { seed, speaker, speed, variation, rhythm }, k) {
    const d = this.facts.latent, number = BigInt(Math.trunc(seed));
    const who = { speaker: new ort.Tensor("int64", BigInt64Array.of(BigInt(speaker)), [1]) };
    const asked = session => (session.inputNames.includes("speaker") ? who : {});
    const symbols = new ort.Tensor("int64", BigInt64Array.from(text, BigInt), [1, text.length]);
    const law = await this.reader.run({ symbols, ...asked(this.reader) });
    const [mean, logDev, logTime, logScale] = this.reader.outputNames.map(name => law[name].data);
    const chance = normal(number, logTime.length, 1, BigInt(STREAMS * k));
    const durations = Array.from(logTime, (value, j) => {
      const scale = Math.exp(logScale[j]), evened = (1 - rhythm ** 2) / 2 * scale ** 2;
      const lasting = Math.exp(value + evened + rhythm * chance[j] * scale) / speed;
      return Math.min(this.facts.longest, Math.max(1, even(lasting)));
    });
    const frames = durations.reduce((a, b) => a + b, 0), noise = normal(number, frames * d, 1, BigInt(STREAMS * k + 2));
    const u = new Float32Array(frames * d);
    let at = 0;
    durations.forEach((times, j) => {
      for (let t = 0; t < times; t++) for (let c = 0; c < d; c++, at++) {
        u[at] = mean[j * d + c] + variation * Math.exp(logDev[j * d + c]) * noise[at];
      }
    });
    return (await this.flow.run({ u: floats(u, [1, frames, d]), ...asked(this.flow) })).z;
  }

  // Piece by piece, each with all the frames that it depends on, so that long sentences take little memory.
  async sound(z) {
    const [, total, d] = z.dims, { hop, reach, pieces } = this.facts, found = new Float32Array(total * hop);
    const folds = this.pitch ? pulses(await this.hertz(z), this.facts) : null;
    for (let start = 0, count = pieces[0]; start < total; count = Math.min(2 * count, pieces[1])) {
      const end = Math.min(start + count, total), first = Math.max(0, start - reach), last = Math.min(total, end + reach);
      const feed = { z: floats(z.data.slice(first * d, last * d), [1, last - first, d]) };
      if (folds) {
        feed.pulses = floats(folds.slice(first * hop, last * hop), [1, last - first, hop]);
        feed.start = new ort.Tensor("int64", BigInt64Array.of(BigInt(first * hop)), [1]);
      }
      const made = (await this.decoder.run(feed)).sound.data;
      for (let k = start * hop; k < end * hop; k++) found[k] = Math.min(1, Math.max(-1, made[k - first * hop]));
      start = end;
    }
    return found;
  }

  async hertz(z) {
    const [middle, lowest, highest] = this.facts.voiced, { height, voiced } = await this.pitch.run({ z });
    return Float64Array.from(height.data, (value, k) =>
      (voiced.data[k] > 0 ? Math.min(highest, Math.max(lowest, middle * Math.exp(value))) : 0));
  }
}

// To the nearest whole number, halves to the even one, as NumPy rounds.
function even(x) {
  const down = Math.floor(x);
  return x - down === .5 ? down + down % 2 : Math.round(x);
}

// All harmonics of the pitch below half the rate, alike, with mean square 1.
function pulses(hertz, { rate, hop, voiced: [, lowest] }) {
  const last = hertz.length - 1, found = new Float32Array(hertz.length * hop);
  let turns = 0;
  for (let k = 0; k < found.length; k++) {
    const at = Math.min(last, Math.max(0, (k + .5) / hop - .5)), a = Math.floor(at), b = Math.min(last, a + 1), t = at - a;
    const gate = (1 - t) * (hertz[a] > 0) + t * (hertz[b] > 0), sum = (1 - t) * hertz[a] + t * hertz[b];
    const here = gate > 0 ? sum / Math.max(gate, 1e-9) : lowest, count = Math.floor(rate / 2 / here);
    turns += here / rate;
    const half = Math.PI * (turns % 1), sine = Math.sin(half), peak = Math.abs(sine) < 1e-6;
    const whole = peak ? 2 * count + 1 : Math.sin((2 * count + 1) * half) / sine;
    found[k] = gate * (whole - 1) / Math.sqrt(2 * count);
  }
  return found;
}

// 16 bits, one channel.
export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((c, k) => view.setUint8(at + k, c.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true); view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  word(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, k) => view.setInt16(44 + 2 * k, Math.round(value * 32767), true));
  return new Blob([view], { type: "audio/wav" });
}
