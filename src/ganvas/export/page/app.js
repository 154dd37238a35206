import * as ort from "./ort.js";
import { described, fetched, sessions } from "./load.js";
import { normal, whole } from "./noise.js";
import { $, failed, learn, seed, shows, speak, words } from "./page.js";
import { spherical } from "./paths.js";
import { WORDS } from "./words.js";

const [FIRST, WIDEST, SHOWN] = [24, 3, 256];
let facts, session, bank;
let rows = [], labels = [], items = [], at = 0, z, label = null, ends = { from: null, to: null };
let wanted = false, busy = Promise.resolve();

async function load() {
  facts = await described();
  [session] = await sessions("model.onnx");
  if (facts.law.z === "bank") bank = new Float32Array((await fetched("latents.bin")).buffer);
}

// z and labels of n items, as ganvas.export.runtime draws them.
function drawn(n) {
  const d = facts.latent;
  const truncation = Number($("truncation").value), asked = $("label").value;
  const number = asked === "" || asked === "all" ? null : Number(asked);
  if (bank) {
    const width = d + 1, all = Array.from({ length: bank.length / width }, (_, k) => k);
    const ours = number === null ? all : all.filter(k => bank[k * width] === number);
    const chosen = whole(seed(), n, ours.length).map(k => ours[k] * width);
    return [chosen.map(k => bank.slice(k + 1, k + width)), chosen.map(k => bank[k])];
  }
  const flat = normal(seed(), n * d, facts.law.truncation === "cut" ? truncation : 1);
  if (facts.law.truncation === "scale") flat.forEach((value, k) => { flat[k] = Math.fround(value * truncation); });
  const found = Array.from({ length: n }, (_, k) => flat.slice(k * d, (k + 1) * d));
  return [found, number === null ? whole(seed(), n, facts.classes.length || 1) : Array(n).fill(number)];
}

async function decode(z, label) {
  const n = z.length, flat = new Float32Array(n * facts.latent);
  z.forEach((row, k) => flat.set(row, k * facts.latent));
  const feed = { z: new ort.Tensor("float32", flat, [n, facts.latent]) };
  if (session.inputNames.includes("label")) {
    feed.label = new ort.Tensor("int64", BigInt64Array.from(label, BigInt), [n]);
  }
  const out = (await session.run(feed))[session.outputNames[0]].data, size = out.length / n;
  return Array.from({ length: n }, (_, k) => out.slice(k * size, (k + 1) * size));
}

// float32 (c, h, w) in [-1, 1] to RGBA bytes.
function pixels(item) {
  const [channels, height, width] = facts.shape, area = height * width, found = new ImageData(width, height);
  const byte = value => Math.round((Math.min(1, Math.max(-1, value)) + 1) * 127.5);
  for (let k = 0; k < area; k++) {
    const alpha = channels === 4 ? byte(item[3 * area + k]) : 255;
    for (let c = 0; c < 3; c++) {
      const value = byte(item[(channels > 2 ? c : 0) * area + k]);
      found.data[4 * k + c] = channels === 4 ? Math.round(Math.min(value, alpha) * 255 / Math.max(alpha, 1)) : value;
    }
    found.data[4 * k + 3] = alpha;
  }
  return found;
}

function paint(canvas, item) {
  const found = pixels(item);
  canvas.width = found.width;
  canvas.height = found.height;
  canvas.getContext("2d").putImageData(found, 0, 0);
}

const user = item => Array.from(item, (value, k) => value * (facts.scale[k] ?? 1) + (facts.offset[k] ?? 0));

// Points in their first two dimensions; the chosen one is large.
function scatter(canvas, chosen) {
  const side = 640, all = items.map(user), c = canvas.getContext("2d");
  canvas.width = canvas.height = side;
  c.clearRect(0, 0, side, side);
  const range = [0, 1].map(j => all.map(p => p[j] ?? 0)).map(v => [Math.min(...v), Math.max(...v)]);
  const place = p => [0, 1].map(j => {
    const [low, high] = range[j], share = ((p[j] ?? 0) - low) / (high - low || 1);
    return 20 + (j ? 1 - share : share) * (side - 40);
  });
  const dot = (p, radius, colour) => { c.fillStyle = colour; c.beginPath(); c.arc(...place(p), radius, 0, 7); c.fill(); };
  all.forEach(p => dot(p, 3, "#3757d8"));
  if (chosen) dot(user(chosen), 9, "#e0532f");
}

async function show() {
  const [item] = await decode([z], [label ?? 0]);
  if (facts.kind === "image") return paint($("view"), item);
  scatter($("view"), item);
  $("coordinates").textContent = user(item).map(value => value.toPrecision(5)).join(", ");
}

// One at a time, and always the newest.
function changed() {
  if (wanted) return busy;
  wanted = true;
  busy = busy.then(async () => { wanted = false; await show(); }).catch(failed);
  return busy;
}

function choose(k) {
  at = (k + rows.length) % rows.length;
  take(rows[at], labels[at]);
  $("grid").querySelectorAll("button").forEach((b, j) => b.setAttribute("aria-pressed", j === at));
}

function take(row, number) {
  [z, label] = [Float32Array.from(row), number];
  document.querySelectorAll(".number input").forEach(input => { input.value = z[input.dataset.k]; told(input); });
  changed();
}

function told(input) { input.nextElementSibling.textContent = Number(z[input.dataset.k]).toFixed(2); }

async function again() {
  [rows, labels] = drawn(facts.kind === "image" ? 36 : 500);
  items = [];
  for (let k = 0; k < rows.length; k += 12) items.push(...await decode(rows.slice(k, k + 12), labels.slice(k, k + 12)));
  const grid = $("grid");
  if (facts.kind === "image") grid.replaceChildren(...items.map((item, k) => {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.type = "button";
    button.setAttribute("aria-label", `${words().item} ${k + 1}${facts.classes.length ? `, ${facts.classes[labels[k]]}` : ""}`);
    paint(canvas, item);
    button.append(canvas);
    button.onclick = () => choose(k);
    return button;
  }));
  else {
    const canvas = document.createElement("canvas");
    grid.replaceChildren(canvas);
    scatter(canvas);
  }
  choose(0);
}

function sliders() {
  const order = facts.order.slice(0, SHOWN), made = order.map(k => {
    const row = document.createElement("label"), name = document.createElement("span"),
      input = document.createElement("input"), value = document.createElement("output");
    row.className = "number";
    name.textContent = `z ${k + 1}`;
    Object.assign(input, { type: "range", min: -WIDEST, max: WIDEST, step: "any", id: `z${k}` });
    input.dataset.k = k;
    input.oninput = () => { z[k] = Number(input.value); told(input); changed(); };
    row.append(name, input, value);
    return row;
  });
  $("sliders").replaceChildren(...made.slice(0, FIRST));
  $("others").replaceChildren(...made.slice(FIRST));
  $("more").hidden = made.length <= FIRST;
}

function end(which) {
  ends[which] = [Float32Array.from(z), label];
  $(which).classList.add("set");
  if (ends.from && ends.to) $("way").disabled = false;
  $("way").value = which === "from" ? 0 : 1;
}

function walk() {
  const t = Number($("way").value), [a, b] = [ends.from, ends.to];
  take(spherical(a[0], b[0], t), t < .5 ? a[1] : b[1]);
}

function save(canvas, name) {
  canvas.toBlob(blob => {
    const link = document.createElement("a");
    Object.assign(link, { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }, "image/png");
}

function sheet() {
  const tiles = [...$("grid").querySelectorAll("canvas")], across = Math.ceil(Math.sqrt(tiles.length)), gap = 2;
  const { width, height } = tiles[0], canvas = document.createElement("canvas");
  canvas.width = across * (width + gap) - gap;
  canvas.height = Math.ceil(tiles.length / across) * (height + gap) - gap;
  tiles.forEach((tile, k) => canvas.getContext("2d").drawImage(tile, k % across * (width + gap), Math.floor(k / across) * (height + gap)));
  return canvas;
}

function named() {
  for (const [id, text] of [["way", words().between], ["view", words().chosen]]) $(id).setAttribute("aria-label", text);
  if ($("label").options.length) $("label").options[0].textContent = words().all;
}

function wire() {
  document.body.dataset.kind = facts.kind;
  $("labelled").hidden = !facts.classes.length;
  if (facts.classes.length) $("label").replaceChildren(...["", ...facts.classes].map((name, k) => new Option(name, k ? k - 1 : "all")));
  $("truncated").hidden = facts.law.truncation === null;
  for (const id of ["seed", "label", "truncation"]) $(id).onchange = () => again().catch(failed);
  shows($("truncation"));
  $("again").onclick = () => { $("seed").value = Number($("seed").value) + 1; again().catch(failed); };
  $("before").onclick = () => choose(at - 1);
  $("after").onclick = () => choose(at + 1);
  $("reset").onclick = () => choose(at);
  $("from").onclick = () => end("from");
  $("to").onclick = () => end("to");
  $("way").oninput = walk;
  $("save").onclick = () => save($("view"), `sample-${$("seed").value}-${at}.png`);
  $("save-all").onclick = () => save(sheet(), `samples-${$("seed").value}.png`);
}

learn(WORDS);
try {
  await load();
  wire();
  speak(facts, named);
  sliders();
  $("main").hidden = false;
  await again();
  await busy;
  $("status").hidden = true;
  globalThis.ganvas = { z: () => [...z], label: () => label, settled: async () => { await changed(); await busy; } };
} catch (error) {
  failed(error);
}
