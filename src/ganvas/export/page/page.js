// What all pages have: two languages, what they say of their model, and of what fails.
const COMMON = {
  en: {
    other: "中文", seed: "Seed", working: "Loading…",
    foot: f => `Everything runs in this browser; nothing is sent anywhere. ${f.size} MB, weights in ${f.precision}. ganvas ${f.ganvas}.`,
  },
  zh: {
    other: "English", seed: "种子", working: "载入中…",
    foot: f => `一切都在本浏览器中运行，不向任何地方发送数据。共 ${f.size} MB，权重精度 ${f.precision}。ganvas ${f.ganvas}。`,
  },
};
let language = navigator.language.startsWith("zh") ? "zh" : "en", all = COMMON;

export const $ = id => document.getElementById(id);
export const words = () => all[language];
export const seed = () => BigInt(Math.trunc(Number($("seed").value) || 0));

// What this page says besides: { en: { … }, zh: { … } }.
export function learn(more) {
  all = { en: { ...COMMON.en, ...more.en }, zh: { ...COMMON.zh, ...more.zh } };
  $("status").textContent = words().working;
}

// Everything in the language of the moment, `more` by itself; the button for the other one does the same.
export function speak(facts, more = () => {}) {
  const said = words();
  document.title = facts.title;
  document.documentElement.lang = language;
  document.querySelectorAll("[data-text]").forEach(node => { node.textContent = said[node.dataset.text]; });
  document.querySelectorAll("[data-label]").forEach(node => node.setAttribute("aria-label", said[node.dataset.label]));
  $("language").textContent = said.other;
  $("title").textContent = facts.title;
  $("about").textContent = said.about({ ...facts, items: (facts.items ?? 0).toLocaleString(language) });
  $("foot").textContent = said.foot(facts);
  $("language").onclick = () => { language = language === "en" ? "zh" : "en"; speak(facts, more); };
  more();
}

// A slider with its value beside it.
export function shows(input) {
  const tell = () => { $(`${input.id}-value`).textContent = input.value; };
  input.addEventListener("input", tell);
  tell();
}

export function failed(error) {
  $("status").hidden = false;
  $("status").className = "bad";
  $("status").textContent = words().failed + (error.message ?? error);
}
