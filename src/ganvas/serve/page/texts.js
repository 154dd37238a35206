// Text and chat, as they are written.

import { events } from "./service.js";

const $ = id => document.getElementById(id);
let model, failed, messages = [], stopping = null;

async function streamed(path, body, stop, shown) {
  stopping?.abort();
  const mine = stopping = new AbortController();
  stop.disabled = false;
  try {
    for await (const event of events(path, { ...body, stream: true }, mine.signal)) {
      const [choice] = event.choices;
      if (choice) shown(choice.text ?? choice.delta?.content ?? "");
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    if (mine === stopping) stop.disabled = true;
  }
}

async function write() {
  const prompt = $("prompt").value, given = document.createElement("span"), made = document.createElement("span");
  given.className = "given";
  given.textContent = prompt;
  $("written").replaceChildren(given, made);
  const body = {
    model: model.id, prompt, max_tokens: Number($("tokens").value) || 300,
    temperature: Number($("temperature").value), seed: Math.trunc(Number($("text-seed").value)) || 0,
  };
  await streamed("v1/completions", body, $("stop-writing"), text => { made.textContent += text; });
}

function bubble(role, text) {
  const found = document.createElement("p");
  found.className = role;
  found.textContent = text;
  $("talk").append(found);
  found.scrollIntoView({ block: "nearest" });
  return found;
}

async function say() {
  const content = $("message").value.trim();
  if (!content) return;
  $("message").value = "";
  const asked = [...messages, { role: "user", content }], theirs = bubble("user", content), reply = bubble("assistant", "");
  let text = "";
  try {
    await streamed("v1/chat/completions", { model: model.id, messages: asked, max_tokens: 1000 }, $("stop-talking"), piece => {
      text += piece;
      reply.textContent = text;
      reply.scrollIntoView({ block: "nearest" });
    });
  } finally {
    if (text.trim()) messages = [...asked, { role: "assistant", content: text }];
    else [theirs, reply].forEach(one => one.remove());
  }
}

export function open(chosen) {
  model = chosen;
  stopping?.abort();
  messages = [];
  $("talk").replaceChildren();
  $("written").replaceChildren();
}

export function wire(failure) {
  failed = failure;
  $("write").onclick = () => write().catch(failed);
  $("prompt").onkeydown = event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) write().catch(failed); };
  $("temperature").oninput = () => { $("temperature-value").textContent = $("temperature").value; };
  for (const id of ["stop-writing", "stop-talking"]) $(id).onclick = () => stopping?.abort();
  $("say").onsubmit = event => { event.preventDefault(); say().catch(failed); };
  $("message").onkeydown = event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("say").requestSubmit(); }
  };
  $("forget").onclick = () => open(model);
}
