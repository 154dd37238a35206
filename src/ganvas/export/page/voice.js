import { described, sessions, told } from "./load.js";
import { $, failed, learn, shows, speak, words } from "./page.js";
import { Lexicon } from "./words-said.js";
import { Voice, wav } from "./say.js";

const WORDS = {
  en: {
    text: "Text", say: "Say it", saying: "Speaking…", again: "Once more, otherwise", speaker: "Voice",
    speed: "Speed", variation: "Variation", save: "Save as WAV", symbols: "Phonemes", failed: "This cannot be said here: ",
    hint: "Phonemes stand between slashes: /h ə l ˈoʊ/. Choose some to add them.", nothing: "there is nothing to say", learnt: "From its data",
    left: words => `No dictionary here has ${words}: write phonemes between slashes instead.`,
    about: f => `Recipe ${f.recipe}, ${f.items} recordings of “${f.data}”`, sound: "waveform",
  },
  zh: {
    text: "文本", say: "朗读", saying: "正在生成…", again: "换一种读法", speaker: "声音",
    speed: "语速", variation: "变化", save: "存为 WAV", symbols: "音素", failed: "此处无法朗读：",
    hint: "音素写在斜线之间：/h ə l ˈoʊ/。点选可添加。", nothing: "没有可读的内容", learnt: "来自其数据",
    left: words => `词典中没有 ${words}：请改在斜线之间写音素。`,
    about: f => `配方 ${f.recipe}，学自“${f.data}”的 ${f.items} 段录音`, sound: "波形",
  },
};
let facts, voice, lexicon, samples, busy = Promise.resolve();

async function load() {
  facts = await described();
  voice = new Voice(facts, await sessions("model.onnx", "flow.onnx", "decoder.onnx", ...(facts.voiced ? ["pitch.onnx"] : [])));
  lexicon = new Lexicon(await told("lexicon.gz"), facts.symbols, facts.weak);
}

async function say() {
  const chosen = $("learnt").value, { sentences, shown, unsaid } = lexicon.read($("text").value);
  const texts = chosen === "" ? sentences : [facts.examples[chosen]];
  $("shown").textContent = chosen === "" ? shown.join(" ") : texts[0].map(k => facts.symbols[k]).join("");
  $("unsaid").textContent = chosen === "" && unsaid.length ? words().left(unsaid.join(", ")) : "";
  if (!texts.length) throw new Error(words().nothing);
  $("status").className = "";
  $("status").textContent = words().saying;
  $("status").hidden = false;
  samples = await voice.say(texts, {
    seed: Number($("seed").value) || 0, speaker: Number($("speaker").value) || 0, speed: Number($("speed").value), variation: Number($("variation").value),
  });
  const blob = URL.createObjectURL(wav(samples, facts.rate));
  URL.revokeObjectURL($("player").src);
  $("player").src = $("save").href = blob;
  draw();
  $("result").hidden = false;
  $("status").hidden = true;
  await $("player").play().catch(() => {});  // a browser may want a click first
}

function draw() {
  const canvas = $("wave"), c = canvas.getContext("2d"), { width, height } = canvas, step = samples.length / width;
  c.clearRect(0, 0, width, height);
  c.fillStyle = "#3757d8";
  for (let x = 0; x < width; x++) {
    let peak = 0;
    for (let k = Math.floor(x * step); k < (x + 1) * step; k++) peak = Math.max(peak, Math.abs(samples[k] ?? 0));
    c.fillRect(x, height / 2 * (1 - peak), 1, Math.max(1, height * peak));
  }
}

function ask() {
  busy = busy.then(say).catch(failed);
  return busy;
}

function wire() {
  $("speakers").hidden = facts.classes.length < 2;
  $("speaker").replaceChildren(...facts.classes.map((name, k) => new Option(name, k)));
  $("known").hidden = !facts.examples.length;
  $("learnt").replaceChildren(new Option("–", ""), ...facts.examples.map((text, k) => new Option(text.map(j => facts.symbols[j]).join("").slice(0, 60), k)));
  $("symbols").replaceChildren(...facts.symbols.slice(1).filter(s => s.trim()).map(symbol => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: symbol });
    button.onclick = () => {
      const box = $("text"), inside = box.value.split("/").length % 2 === 0;
      box.value = inside ? `${box.value.replace(/\/$/, "")}${symbol}/` : /\/$/.test(box.value) ? `${box.value.slice(0, -1)}${symbol}/` : `${box.value} /${symbol}/`;
    };
    return button;
  }));
  for (const id of ["speed", "variation"]) shows($(id));
  $("say").onclick = ask;
  $("again").onclick = () => { $("seed").value = Number($("seed").value) + 1; ask(); };
  $("text").onkeydown = event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(); };
  $("text").oninput = () => { $("learnt").value = ""; };
}

learn(WORDS);
try {
  await load();
  wire();
  speak(facts, () => $("wave").setAttribute("aria-label", words().sound));
  $("main").hidden = false;
  $("status").hidden = true;
  globalThis.ganvas = { voice, say: ask, samples: () => [...samples], read: text => lexicon.read(text), settled: () => busy };
} catch (error) {
  failed(error);
}
