import { described, sessions } from "./load.js";
import { $, failed, learn, seed, shows, speak, words } from "./page.js";
import { spherical } from "./paths.js";
import { WORDS } from "./words-written.js";
import { Writer } from "./write.js";

const TEXTS = 8, STEPS = 7;
let facts, writer, busy = null, halted = false, messages = [], rows = [], ends = {};

async function load() {
  facts = await described();
  writer = new Writer(facts, (await sessions("model.onnx"))[0]);
}

function made(tag, text = "", name = "") {
  const node = document.createElement(tag);
  Object.assign(node, { textContent: text, className: name, dir: "auto" });
  return node;
}

function asked() {
  const value = id => Number($(id).value);
  return {
    seed: seed(), length: Math.trunc(value("length")) || 500, label: $("label").value === "" ? null : value("label"),
    temperature: value("temperature"), topP: value("top-p"), topK: Math.trunc(value("top-k")), minP: value("min-p"),
  };
}

// Pieces into a node as they come, until all are there or one has seen enough.
async function follow(pieces, node) {
  for await (const piece of pieces) {
    if (halted) break;
    const log = $("log"), below = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    node.append(piece);
    if (below) log.scrollTop = log.scrollHeight;
  }
  node.normalize();
}

// One thing at a time: what is being written is stopped for another.
async function run(task) {
  while (busy) await halt();
  halted = false;
  $("status").hidden = true;
  const began = performance.now(), before = writer.count;
  working(true);
  busy = task().catch(failed);
  await busy;
  busy = null;
  const count = writer.count - before, rate = Math.round(1000 * count / (performance.now() - began));
  working(false);
  $("pace").textContent = count ? words().pace(count, rate) : "";
}

function halt() {
  halted = true;
  return busy;
}

function working(on) {
  $("write").dataset.text = on ? "stop" : facts.does === "chat" ? "send" : "write";
  $("write").textContent = words()[$("write").dataset.text];
  for (const id of ["log", "written", "texts", "way"]) $(id).setAttribute("aria-busy", on);
}

async function write() {
  const prompt = $("prompt").value;
  $("given").textContent = prompt;
  $("made").textContent = "";
  $("written").hidden = false;
  await follow(writer.stream(prompt, asked()), $("made"));
}

function turn(role, content) {
  const node = made("p", content, `turn ${role}`);
  node.setAttribute("aria-label", words()[role === "user" ? "you" : "it"]);
  $("log").append(node);
  $("log").scrollTop = $("log").scrollHeight;
  return node;
}

async function send() {
  const content = $("prompt").value.trim();
  if (!content) return;
  $("prompt").value = "";
  messages.push({ role: "user", content });
  turn("user", content);
  await reply();
}

async function reply() {
  const system = $("system").value.trim(), all = [...(system ? [{ role: "system", content: system }] : []), ...messages];
  const { forgotten } = writer.opening(all), node = turn("assistant", "");
  $("note").textContent = forgotten ? words().forgotten(forgotten, facts.context) : "";
  try {
    await follow(writer.chat(all, asked()), node);
  } finally {
    node.textContent = node.textContent.trim() || "…";
    messages.push({ role: "assistant", content: node.textContent });
  }
}

function begin() {
  messages = [];
  $("log").replaceChildren();
  $("note").textContent = words().begin;
}

async function texts() {
  const truncation = Number($("truncation").value), number = seed();
  rows = writer.latents(TEXTS, number, truncation);
  ends = {};
  $("texts").replaceChildren();
  $("way").replaceChildren();
  for (const [k, z] of rows.entries()) {
    const row = made("li"), text = made("span");
    row.append(text, ...["A", "B"].map(name => chooser(name, k)));
    $("texts").append(row);
    await follow(writer.told(z, { seed: number, text: k, temperature: truncation }), text);
    if (halted) return;
  }
}

function chooser(name, k) {
  const button = made("button", name);
  Object.assign(button, { type: "button", onclick: () => end(name, k) });
  button.setAttribute("aria-label", words().end(name, k + 1));
  return button;
}

function end(name, k) {
  ends[name] = k;
  [...$("texts").children].forEach((row, j) => [...row.querySelectorAll("button")].forEach(
    button => button.setAttribute("aria-pressed", ends[button.textContent] === j)));
  if (ends.A !== undefined && ends.B !== undefined) run(walk);
}

async function walk() {
  $("way").replaceChildren();
  for (let step = 0; step < STEPS && !halted; step++) {
    const row = made("li");
    $("way").append(row);
    await follow(writer.told(spherical(rows[ends.A], rows[ends.B], step / (STEPS - 1))), row);
  }
}

function again() {
  if (facts.does === "chat" && !messages.length) return;
  $("seed").value = Number($("seed").value) + 1;
  run(async () => {
    if (facts.does !== "chat") return DOES[facts.does]();
    if (messages.at(-1).role === "assistant") {
      messages.pop();
      $("log").lastChild.remove();
    }
    return reply();
  });
}

const DOES = { prompt: write, chat: send, latent: texts };

function copied() {
  const chat = messages.map(({ role, content }) => `${words()[role === "user" ? "you" : "it"]}: ${content}`);
  const rows = [...$("texts").querySelectorAll("span")].map(node => node.textContent);
  return { prompt: $("written").textContent, chat: chat.join("\n"), latent: rows.join("\n") }[facts.does];
}

function named() {
  if ($("label").options.length) $("label").options[0].textContent = words().any;
  if (facts.does === "chat" && !messages.length) $("note").textContent = words().begin;
}

function wire() {
  const chat = facts.does === "chat", latent = facts.does === "latent", labels = facts.vocabulary.labels;
  $("labelled").hidden = latent || !labels.length;
  $("label").replaceChildren(...["", ...labels].map((name, k) => new Option(name, k ? k - 1 : "")));
  $("log").hidden = $("anew").hidden = $("instructed").hidden = !chat;
  $("texts").hidden = $("between").hidden = $("truncated").hidden = !latent;
  $("asked").hidden = latent;
  for (const node of document.querySelectorAll(".free")) node.hidden = latent;
  if (chat) {
    document.querySelector("#asked span").dataset.text = "message";
    $("prompt").rows = 2;
  }
  $("copy").hidden = !navigator.clipboard;
  for (const id of ["temperature", "truncation", "top-p", "min-p"]) shows($(id));
  $("write").onclick = () => (busy ? halt() : run(DOES[facts.does]));
  $("again").onclick = again;
  $("anew").onclick = async () => { await halt(); begin(); };
  $("copy").onclick = async () => { await navigator.clipboard.writeText(copied()); $("pace").textContent = words().copied; };
  $("prompt").onkeydown = event => {
    const asks = chat ? !event.shiftKey : event.ctrlKey || event.metaKey;
    if (event.key !== "Enter" || !asks || event.isComposing) return;  // it may end a word of Chinese
    event.preventDefault();
    if (!chat || !busy) run(DOES[facts.does]);
  };
  working(false);
}

learn(WORDS);
try {
  await load();
  facts.does = facts.latent ? "latent" : facts.vocabulary.roles.length ? "chat" : "prompt";
  facts.running = !facts.vocabulary.ends;
  wire();
  speak(facts, named);
  $("main").hidden = false;
  $("status").hidden = true;
  globalThis.ganvas = { writer, messages: () => messages, settled: () => busy };
  if (facts.does !== "chat") run(DOES[facts.does]);
} catch (error) {
  failed(error);
}
