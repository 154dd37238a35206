import { fetched, sessions, told } from "./load.js";
import { Lexicon } from "./words-said.js";
import { Voice, wav } from "./say.js";

const WORDS = {
  en: {
    other: "中文", text: "Text", say: "Say it", saying: "Speaking…", seed: "Seed", again: "Once more, otherwise", speaker: "Voice",
    speed: "Speed", variation: "Variation", save: "Save as WAV", symbols: "Phonemes", working: "Loading…", failed: "This cannot be said here: ",
    hint: "Phonemes stand between slashes: /h ə l ˈoʊ/. Choose some to add them.", nothing: "there is nothing to say", learnt: "From its data",
    left: words => `No dictionary here has ${words}: write phonemes between slashes instead.`,
    about: f => `Recipe ${f.recipe}, ${f.items} recordings of “${f.data}”`, sound: "waveform",
    foot: f => `Everything runs in this browser; nothing is sent anywhere. ${f.size} MB, weights in ${f.precision}. ganvas ${f.ganvas}.`,
  },
  zh: {
    other: "English", text: "文本", say: "朗读", saying: "正在生成…", seed: "种子", again: "换一种读法", speaker: "声音",
    speed: "语速", variation: "变化", save: "存为 WAV", symbols: "音素", working: "载入中…", failed: "此处无法朗读：",
    hint: "音素写在斜线之间：/h ə l ˈoʊ/。点选可添加。", nothing: "没有可读的内容", learnt: "来自其数据",
    left: words => `词典中没有 ${words}：请改在斜线之间写音素。`,
    about: f => `配方 ${f.recipe}，学自“${f.data}”的 ${f.items} 段录音`, sound: "波形",
    foot: f => `一切都在本浏览器中运行，不向任何地方发送数据。共 ${f.size} MB，权重精度 ${f.precision}。ganvas ${f.ganvas}。`,
  },
};
const $ = id => document.getElementById(id);
let facts, voice, lexicon, samples, language = navigator.language.startsWith("zh") ? "zh" : "en", busy = Promise.resolve();

async function load() {
  facts = JSON.parse(new TextDecoder().decode(await fetched("model.json")));
  voice = new Voice(facts, await sessions("model.onnx", "flow.onnx", "decoder.onnx", ...(facts.voiced ? ["pitch.onnx"] : [])));
  lexicon = new Lexicon(await told("lexicon.gz"), facts.symbols, facts.weak);
}

async function say() {
  const words = WORDS[language], chosen = $("learnt").value, { sentences, shown, unsaid } = lexicon.read($("text").value);
  const texts = chosen === "" ? sentences : [facts.examples[chosen]];
  $("shown").textContent = chosen === "" ? shown.join(" ") : texts[0].map(k => facts.symbols[k]).join("");
  $("unsaid").textContent = chosen === "" && unsaid.length ? words.left(unsaid.join(", ")) : "";
  if (!texts.length) throw new Error(words.nothing);
  $("status").className = "";
  $("status").textContent = words.saying;
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

function failed(error) {
  $("status").hidden = false;
  $("status").className = "bad";
  $("status").textContent = WORDS[language].failed + (error.message ?? error);
}

function ask() {
  busy = busy.then(say).catch(failed);
  return busy;
}

function speak() {
  const words = WORDS[language];
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach(node => { node.textContent = words[node.dataset.text]; });
  $("language").textContent = words.other;
  $("title").textContent = facts.title;
  $("about").textContent = words.about({ ...facts, items: (facts.items ?? 0).toLocaleString(language) });
  $("foot").textContent = words.foot(facts);
  $("wave").setAttribute("aria-label", words.sound);
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
  for (const id of ["speed", "variation"]) $(id).oninput = () => { $(`${id}-value`).textContent = $(id).value; };
  $("say").onclick = ask;
  $("again").onclick = () => { $("seed").value = Number($("seed").value) + 1; ask(); };
  $("text").onkeydown = event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(); };
  $("text").oninput = () => { $("learnt").value = ""; };
  $("language").onclick = () => { language = language === "en" ? "zh" : "en"; speak(); };
}

$("status").textContent = WORDS[language].working;
try {
  await load();
  document.title = facts.title;
  wire();
  speak();
  $("main").hidden = false;
  $("status").hidden = true;
  globalThis.ganvas = { voice, say: ask, samples: () => [...samples], read: text => lexicon.read(text), settled: () => busy };
} catch (error) {
  failed(error);
}
