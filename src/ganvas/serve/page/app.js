import * as about from "./about.js";
import * as pictures from "./pictures.js";
import { get, setKey } from "./service.js";
import * as speech from "./speech.js";
import * as texts from "./texts.js";
import { speak, turn, word } from "./words.js";

const $ = id => document.getElementById(id);
const TABS = {
  pictures: model => model.kind === "image" || model.kind === "points",
  speech: model => model.can.includes("speak"),
  texts: model => model.can.includes("write"),
  chat: model => model.can.includes("chat"),
  about: () => true,
};
const OPEN = { pictures: pictures.open, speech: speech.open, texts: texts.open, chat: texts.open, about: about.open };
let models = [], opened = {};

function failed(error) {
  $("status").className = "bad";
  $("status").textContent = `${word("failed")}${error.message ?? error}`;
  if (error.status === 401) $("keys").hidden = false;
}

function told(text) {
  $("status").className = "";
  $("status").textContent = text;
}

// #MODEL/TAB
async function show() {
  const [name, tab] = decodeURIComponent(location.hash.slice(1)).split("/");
  const model = models.find(one => one.id === name) ?? models[0];
  const fit = Object.keys(TABS).filter(key => TABS[key](model)), chosen = fit.includes(tab) ? tab : fit[0];
  $("model").value = model.id;
  document.querySelectorAll("[data-tab]").forEach(button => {
    button.hidden = !fit.includes(button.dataset.tab);
    button.setAttribute("aria-pressed", String(button.dataset.tab === chosen));
  });
  for (const key of Object.keys(TABS)) $(key).hidden = key !== chosen;
  document.title = `${model.id} – ganvas`;
  if (opened[chosen] === model) return;
  opened[chosen] = model;
  told(word("working"));
  await OPEN[chosen](model);
  told("");
}

const shown = () => show().catch(error => { opened = {}; failed(error); });
const go = (model, tab) => { location.hash = `${encodeURIComponent(model)}/${tab ?? ""}`; };

async function load() {
  models = (await get("v1/ganvas/models")).data;
  $("keys").hidden = true;
  $("model").replaceChildren(...models.map(one => new Option(one.id, one.id)));
  await show();
}

$("model").onchange = () => go($("model").value);
document.querySelectorAll("[data-tab]").forEach(button => { button.onclick = () => go($("model").value, button.dataset.tab); });
$("keys").onsubmit = event => { event.preventDefault(); setKey($("key").value); load().catch(failed); };
$("language").onclick = () => { turn(); opened.about = null; shown(); };
addEventListener("hashchange", shown);
for (const part of [pictures, speech, texts, about]) part.wire(failed);
speak();
await load().catch(failed);
globalThis.ganvas = { state: pictures.state };
