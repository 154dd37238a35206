// How an exported model of text writes: the same rule as ganvas/export/written.py and ganvas/data/openings.py.
import * as ort from "./ort.js";
import { normal, quantiles } from "./noise.js";
import { Vocabulary } from "./tokens.js";

const ROOM = 4, MOMENT = 16;  // a share of the context for the reply; milliseconds until the page may move

export class Writer {
  constructor(facts, session) {
    Object.assign(this, { facts, session, words: new Vocabulary(facts.vocabulary), count: 0 });
  }

  // What follows a prompt, in pieces; how: seed, label, temperature, minP, topK, topP.
  stream(prompt, { length = 500, label = null, ...how } = {}) {
    const written = this.words.encode(prompt), anew = this.words.ends || !written.length;
    return this.following(anew ? [...this.words.begun(label), ...written] : written, length, how);
  }

  // The reply to messages, { role, content } each.
  chat(messages, { length = 500, seed = 0n, ...how } = {}) {
    return this.following(this.opening(messages).tokens, length, { ...how, seed: seed + BigInt(messages.length) });
  }

  // What a reply follows, and how many messages it does not look back on: those after the instructions go first.
  opening(messages) {
    const { words, facts: { context } } = this, most = context - Math.floor(context / ROOM) - 2;
    const turns = messages.map(message => words.turn(message)), first = messages[0].role === "system" ? 1 : 0;
    const size = kept => [...turns.slice(0, first), ...turns.slice(-kept)].reduce((sum, turn) => sum + turn.length, 0);
    let kept = turns.length - first;
    while (kept > 1 && size(kept) > most) kept--;
    const [role, ...last] = turns.at(-1), whole = size(kept) <= most;
    const seen = whole ? [...turns.slice(0, first), ...turns.slice(-kept)].flat() : [role, ...last.slice(-(most - 1))];
    return { tokens: [words.start, ...seen, words.role("assistant")], forgotten: turns.length - (whole ? first + kept : 1) };
  }

  // z of n new texts.
  latents(n, seed, truncation) {
    const d = this.facts.latent, flat = normal(seed, n * d, truncation);
    return Array.from({ length: n }, (_, k) => flat.slice(k * d, (k + 1) * d));
  }

  // The text of a z; by default token by token the most probable one. how.text: which of the seed's texts it is.
  told(z, how = { temperature: 0 }) {
    return this.following([this.words.start], Infinity, { ...how, z, most: this.facts.context });
  }

  async *following(begun, length, how) {
    let left = length;
    for await (const piece of this.words.letters(this.unrolled(begun, how))) {
      const letters = [...piece];
      yield letters.slice(0, left).join("");
      left -= letters.length;
      if (left <= 0) return;
    }
  }

  // Token after token. Once the window is full, its second half is read anew as the first half of another.
  async *unrolled(prompt, { seed = 0n, text = 0, z = null, most = Infinity, ...taste }) {
    const { context, cache: [layers, heads, width] } = this.facts, chance = quantiles(seed, text);
    const empty = new ort.Tensor("float32", new Float32Array(0), [layers, 2, 1, heads, 0, width]);
    let seen = prompt.slice(-context), fresh = seen, past = empty, shown = performance.now();
    for (let t = 0; t < most; t++) {
      const feed = { tokens: new ort.Tensor("int64", BigInt64Array.from(fresh, BigInt), [1, fresh.length]), past };
      if (z) feed.z = new ort.Tensor("float32", z, [1, z.length]);
      const { logits, present } = await this.session.run(feed);
      const token = chosen(logits.data.slice(-this.words.size), taste, chance(t));
      this.count++;
      yield token;
      [fresh, past, seen] = [[token], present, [...seen.slice(-context), token]];
      if (present.dims[4] >= context && !z) [fresh, past] = [seen.slice(-Math.max(1, Math.floor(context / 2))), empty];
      if (performance.now() - shown > MOMENT) {
        await moment();
        shown = performance.now();
      }
    }
  }
}

// Lets the page be drawn and buttons be heard.
function moment() {
  return new Promise(done => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); done(); };
    port2.postMessage(null);
  });
}

// The token at the quantile u of what the taste leaves of its law, in the order of numbers.
export function chosen(logits, { temperature = 1, minP = 0, topK = 0, topP = 1 }, u) {
  const best = logits.reduce((at, value, k) => (value > logits[at] ? k : at), 0);
  if (temperature === 0) return best;
  const p = Float64Array.from(logits, value => Math.exp(Math.fround(value - logits[best]) / temperature));
  const sum = () => p.reduce((total, value) => total + value, 0);
  scale(p, sum());
  if (minP) { const least = minP * p[best]; p.forEach((value, k) => { if (value < least) p[k] = 0; }); }
  if (topK > 0 || topP < 1) {
    const order = Uint32Array.from(p.keys()).sort((a, b) => p[b] - p[a] || a - b);
    if (topK > 0) order.subarray(topK).forEach(k => { p[k] = 0; });
    if (topP < 1) {
      scale(p, sum());
      let upTo = 0;
      for (const k of order) {
        const share = p[k];
        upTo += share;
        if (upTo - share >= topP) p[k] = 0;
      }
    }
  }
  const end = u * sum();
  let upTo = 0, last = 0;
  for (const [k, value] of p.entries()) {
    upTo += value;
    if (upTo > end) return k;
    if (value > 0) last = k;
  }
  return last;
}

function scale(p, total) { p.forEach((value, k) => { p[k] = value / total; }); }
