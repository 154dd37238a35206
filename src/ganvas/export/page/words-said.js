// Typed text as symbols, by a carried dictionary: simpler than ganvas itself, which guesses words that no
// dictionary has. Between slashes are phonemes.
const ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" ");
const TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const MARKS = ",;.?!…";

export function number(n) {
  const under = (size, word) => [...number(Math.floor(n / size)), word, ...(n % size ? number(n % size) : [])];
  if (n < 20) return [ONES[n]];
  if (n < 100) return [TENS[Math.floor(n / 10)], ...(n % 10 ? [ONES[n % 10]] : [])];
  return n < 1000 ? under(100, "hundred") : n < 1e6 ? under(1000, "thousand") : [...String(n)].map(c => ONES[c]);
}

export class Lexicon {
  // text: a word, a tab and its symbols parted by blanks, in each line. weak: of words before another word.
  constructor(text, symbols, weak) {
    this.words = new Map(text.split("\n").filter(Boolean).map(line => line.split("\t")));
    this.symbols = symbols;
    this.number = new Map(symbols.map((symbol, k) => [symbol, k]));
    this.weak = weak;
    this.longest = Math.max(...symbols.map(symbol => symbol.length));
  }

  word(text) {
    const found = this.words.get(text);
    if (found) return found.split(" ");
    for (const [ending, said] of [["'s", "z"], ["s", "z"], ["ed", "d"], ["ing", "ɪ ŋ"], ["ly", "l i"]]) {
      const stem = text.endsWith(ending) ? text.slice(0, -ending.length) : "";
      const base = stem.length > 2 ? this.words.get(stem) ?? this.words.get(`${stem}e`) : null;
      if (base) return [...base.split(" "), ...said.split(" ")];
    }
    return null;
  }

  phonemes(text) {
    const found = [];
    for (let at = 0; at < text.length;) {
      let size = this.longest;
      while (size && (!this.number.has(text.slice(at, at + size)) || "_ ".includes(text.slice(at, at + size)))) size--;
      if (size) found.push(text.slice(at, at + size));
      at += size || 1;
    }
    return found;
  }

  // Sentences as numbers of symbols, what they are in symbols, and words that cannot be said.
  read(text) {
    const sentences = [], unsaid = [];
    let begun = [];
    const close = mark => {
      while (begun.length && (MARKS + " ").includes(begun.at(-1))) begun.pop();
      if (begun.length) sentences.push([...begun, mark]);
      begun = [];
    };
    const tokens = [...text.replaceAll("’", "'").matchAll(/\/([^/]+)\/|\d+|[\p{L}\p{M}]+(?:'\p{L}+)*|[,;:.?!…。？！，、]/gu)];
    const said = tokens.flatMap(([token, phonemes]) => (phonemes ? [{ symbols: this.phonemes(phonemes) }]
      : /^\d/.test(token) ? number(Number(token)).map(word => ({ word })) : /^[\p{L}]/u.test(token) ? [{ word: token.toLowerCase() }]
        : [{ mark: { ":": ",", "。": ".", "？": "?", "！": "!", "，": ",", "、": "," }[token] ?? token }]));
    said.forEach(({ word, symbols, mark }, k) => {
      if (mark && ".?!…".includes(mark)) return close(mark);
      if (mark) { if (begun.length && !MARKS.includes(begun.at(-1))) begun.push(mark); return undefined; }
      const next = said[k + 1], weak = next && !next.mark ? this.weak[word] : null;
      const found = symbols ?? (weak ? weak.split(" ") : this.word(word));
      if (!found) return unsaid.push(word);
      if (begun.length) begun.push(" ");
      return begun.push(...found);
    });
    close(".");
    return { sentences: sentences.map(one => one.map(symbol => this.number.get(symbol))), shown: sentences.map(one => one.join("")), unsaid };
  }
}
