// Text as tokens and back: the same rule as ganvas/data/vocabulary.py, without the package `tokenizers`.
const BYTES = 256, SHIFT = 2 ** 20;
// Joins nothing across words (Radford et al. 2019). \s of a browser is not quite Unicode's white space.
const WORD = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const bytesOf = text => new TextEncoder().encode(text);

export class Vocabulary {
  // As the JSON of the model's spec has it.
  constructor({ merges, ends, roles, labels, numbers }) {
    Object.assign(this, { ends, roles, labels, numbers });
    this.joins = new Map();  // of a pair of tokens, when it is joined and what it becomes
    const pieces = numbers ? Array.from({ length: numbers }, (_, k) => ` ${k}`) : this.joined(merges);
    this.plain = pieces.length;
    const marks = roles.length ? [...roles.map(role => `${role}: `), "\n"] : [];
    this.pieces = [...pieces, ...marks, ...labels.map(() => ""), ...(ends ? [""] : [])].map(piece => Uint8Array.from(piece, c => c.charCodeAt(0)));
    this.size = this.pieces.length;
    this.start = ends ? this.size - 1 : 10;
    this.firstLabel = this.size - ends - labels.length;
  }

  // What each token stands for, a character for each byte.
  joined(merges) {
    const pieces = Array.from({ length: BYTES }, (_, k) => String.fromCharCode(k)), number = new Map(pieces.map((piece, k) => [piece, k]));
    merges.split(" ").filter(Boolean).forEach((pair, rank) => {
      const [a, b] = pair.split(":").map(Number), piece = pieces[a] + pieces[b];
      if (!number.has(piece)) number.set(piece, pieces.push(piece) - 1);
      this.joins.set(a * SHIFT + b, { rank, token: number.get(piece) });
    });
    return pieces;
  }

  begun(label = null) { return label === null ? [this.start] : [this.start, this.firstLabel + label]; }
  role(name) { return this.plain + this.roles.indexOf(name); }
  turn({ role, content }) { return [this.role(role), ...this.encode(content), this.plain + this.roles.length]; }

  // Whether it is a mark after which nothing is said: any but a label.
  closes(token) { return token >= this.plain && !(token >= this.firstLabel && token < this.firstLabel + this.labels.length); }

  encode(text) {
    if (this.numbers) return this.counted(text);
    if (!this.joins.size) return [...bytesOf(text)];
    return (text.match(WORD) ?? []).flatMap(word => this.word([...bytesOf(word)]));
  }

  // Pairs are joined in the order in which they were learnt.
  word(tokens) {
    for (;;) {
      let first = { rank: Infinity }, at = -1;
      for (let k = 0; k + 1 < tokens.length; k++) {
        const join = this.joins.get(tokens[k] * SHIFT + tokens[k + 1]);
        if (join && join.rank < first.rank) [first, at] = [join, k];
      }
      if (at < 0) return tokens;
      tokens.splice(at, 2, first.token);
    }
  }

  counted(text) {
    const found = text.split(/\s+/).filter(Boolean).map(Number);
    if (found.every(k => Number.isInteger(k) && k >= 0 && k < this.numbers)) return found;
    throw new RangeError(`0 … ${this.numbers - 1}`);
  }

  // The characters of tokens up to a mark that is no label, each as soon as its bytes are whole.
  async *letters(tokens) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    for await (const token of tokens) {
      if (this.closes(token)) break;
      const text = decoder.decode(this.pieces[token], { stream: true });
      if (text) yield text;
    }
    const rest = decoder.decode();
    if (rest) yield rest;
  }
}
