// Pictures: samples, one that is chosen and changed, the way between two.

import { get, post } from "./service.js";
import { word } from "./words.js";

const $ = id => document.getElementById(id);
const [COUNT, FIRST, WIDEST, SHOWN, STEPS] = [36, 24, 3, 256, 8];
let model, run, items = [], at = 0, z = null, label, moved = [], directions = [], ends = {};
let wanted = false, busy = Promise.resolve(), failed;

const uri = item => `data:image/png;base64,${item.b64_json}`;
const labelled = () => (model.classes.length ? { label } : {});
const latents = () => model.can.includes("decode");

function tile(item, k, chosen) {
  const button = document.createElement("button"), image = document.createElement("img");
  button.type = "button";
  image.src = uri(item);
  image.alt = `${word("item")} ${k + 1}${item.label ? `, ${item.label}` : ""}`;
  button.append(image);
  button.setAttribute("aria-pressed", "false");
  button.onclick = () => chosen(k);
  return button;
}

function pressed(box, at) {
  [...box.children].forEach((button, k) => button.setAttribute("aria-pressed", String(k === at)));
}

export async function again() {
  const asked = run, body = { model: model.id, n: model.kind === "points" ? 64 : COUNT, seed: Math.trunc(Number($("seed").value)) || 0 };
  if ($("label").value !== "") body.label = $("label").value;
  const truncation = Number($("truncation").value);
  if (truncation < 1) body.truncation = truncation;
  const found = await post("v1/ganvas/samples", { ...body, latents: latents() });
  if (asked === run) fill(found.data);
}

function fill(found) {
  items = found;
  if (model.kind === "points") return scatter();
  $("grid").replaceChildren(...items.map((item, k) => tile(item, k, choose)));
  choose(0);
}

function choose(k) {
  at = k;
  pressed($("grid"), k);
  take(items[k]);
}

function take(item) {
  [z, label] = [item.z ? [...item.z] : null, item.label];
  moved = directions.map(() => 0);
  document.querySelectorAll(".number input").forEach(tell);
  paint(item);
}

function paint(item) {
  $("view").src = uri(item);
  $("view").alt = `${word("chosen")}${item.label ? `, ${item.label}` : ""}`;
  $("save").href = uri(item);
}

// Of a slider: its value, from z or from how far a direction was gone.
function tell(input) {
  const value = input.dataset.k ? z?.[input.dataset.k] : moved[input.dataset.d];
  input.value = value ?? 0;
  input.nextElementSibling.textContent = Number(value ?? 0).toFixed(2);
}

const effective = () => z.map((value, k) => directions.reduce((sum, v, d) => sum + moved[d] * v[k], value));

// One at a time, and always the newest.
function changed() {
  if (wanted || !z) return busy;
  wanted = true;
  busy = busy.then(async () => {
    wanted = false;
    const asked = run, found = await post("v1/ganvas/decode", { model: model.id, z: [effective()], ...labelled() });
    if (asked === run) paint(found.data[0]);
  }).catch(failed);
  return busy;
}

function slider(name, data) {
  const row = document.createElement("label"), input = document.createElement("input");
  row.className = "number";
  Object.assign(input, { type: "range", min: -WIDEST, max: WIDEST, step: "any", id: name.replaceAll(" ", "") });
  Object.assign(input.dataset, data);
  input.oninput = () => {
    if (data.k === undefined) moved[data.d] = Number(input.value);
    else z[data.k] = Number(input.value);
    input.nextElementSibling.textContent = Number(input.value).toFixed(2);
    changed();
  };
  row.append(Object.assign(document.createElement("span"), { textContent: name }), input, document.createElement("output"));
  return row;
}

async function sliders() {
  const asked = run, found = await get(`v1/ganvas/models/${encodeURIComponent(model.id)}/controls`);
  if (asked !== run) return;
  directions = found.directions;
  const numbers = found.order.slice(0, SHOWN).map(k => slider(`z ${k + 1}`, { k }));
  $("directed").hidden = !directions.length;
  $("directions").replaceChildren(...directions.map((_, d) => slider(`d ${d + 1}`, { d })));
  $("numbers").replaceChildren(...numbers.slice(0, FIRST));
  $("others").replaceChildren(...numbers.slice(FIRST));
  $("more").hidden = numbers.length <= FIRST;
  if (items.length) take(items[at]);
}

async function alike() {
  const body = { model: model.id, z: effective(), n: COUNT, seed: Math.floor(Math.random() * 2 ** 31), ...labelled() };
  const asked = run, found = await post("v1/ganvas/vary", body);
  if (asked === run) fill(found.data);
}

async function end(which) {
  ends[which] = { z: effective(), label };
  pressed({ children: [$(which)] }, 0);
  if (!ends.from || !ends.to) return;
  const body = { model: model.id, a: ends.from.z, b: ends.to.z, steps: STEPS };
  if (model.classes.length) body.label = [ends.from.label, ends.to.label];
  const asked = run, found = (await post("v1/ganvas/interpolate", body)).data;
  if (asked !== run) return;
  $("way").replaceChildren(...found.map((item, k) => tile(item, k, k => { pressed($("way"), k); take(found[k]); })));
}

async function own(file) {
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let k = 0; k < bytes.length; k += 32768) text += String.fromCharCode(...bytes.subarray(k, k + 32768));
  const body = { model: model.id, images: [btoa(text)] };
  if (model.classes.length) body.label = $("label").value || model.classes[0];
  const asked = run, found = await post("v1/ganvas/encode", body);
  if (asked === run) take(found.data[0]);
}

function sheet() {
  const tiles = [...$("grid").querySelectorAll("img")], across = Math.ceil(Math.sqrt(tiles.length)), gap = 2;
  const { naturalWidth: width, naturalHeight: height } = tiles[0], canvas = document.createElement("canvas");
  canvas.width = across * (width + gap) - gap;
  canvas.height = Math.ceil(tiles.length / across) * (height + gap) - gap;
  tiles.forEach((tile, k) => canvas.getContext("2d").drawImage(tile, k % across * (width + gap), Math.floor(k / across) * (height + gap)));
  const link = Object.assign(document.createElement("a"), { href: canvas.toDataURL(), download: `samples-${$("seed").value}.png` });
  link.click();
}

// Points in their first two dimensions.
function scatter() {
  const side = 640, canvas = document.createElement("canvas"), c = canvas.getContext("2d");
  canvas.width = canvas.height = side;
  const all = items.map(item => item.values);
  const range = [0, 1].map(j => all.map(p => p[j] ?? 0)).map(v => [Math.min(...v), Math.max(...v)]);
  c.fillStyle = "#3757d8";
  for (const p of all) {
    const [x, y] = [0, 1].map(j => 20 + ((p[j] ?? 0) - range[j][0]) / (range[j][1] - range[j][0] || 1) * (side - 40));
    c.beginPath();
    c.arc(x, side - y, 5, 0, 7);
    c.fill();
  }
  $("grid").replaceChildren(canvas);
  $("points").textContent = all.slice(0, 5).map(p => `(${p.map(v => v.toPrecision(4)).join(", ")})`).join("  ");
}

export async function open(chosen) {
  model = chosen;
  run = Symbol(model.id);
  [items, ends, directions, moved, z] = [[], {}, [], [], null];
  $("way").replaceChildren();
  ["from", "to"].forEach(id => $(id).setAttribute("aria-pressed", "false"));
  $("points").textContent = "";
  const plane = model.kind === "points";
  $("save-all").hidden = plane;
  $("labelled").hidden = !model.classes.length;
  $("label").replaceChildren(new Option(word("all"), ""), ...model.classes.map(name => new Option(name, name)));
  $("truncated").hidden = !model.truncation;
  $("truncation").value = 1;
  $("truncation-value").textContent = "1";
  document.querySelectorAll("[data-needs]").forEach(node => { node.hidden = !latents() || plane; });
  document.querySelector(".one").hidden = plane;
  $("own-one").hidden = !model.can.includes("encode") || plane;
  await again();
  if (latents() && !plane) await sliders();
}

export function wire(failure) {
  failed = failure;
  for (const id of ["seed", "label", "truncation"]) $(id).onchange = () => again().catch(failed);
  $("truncation").oninput = () => { $("truncation-value").textContent = $("truncation").value; };
  $("again").onclick = () => { $("seed").value = Number($("seed").value) + 1; again().catch(failed); };
  $("reset").onclick = () => choose(at);
  $("alike").onclick = () => alike().catch(failed);
  $("from").onclick = () => end("from").catch(failed);
  $("to").onclick = () => end("to").catch(failed);
  $("own").onchange = () => own($("own").files[0]).catch(failed);
  $("save-all").onclick = sheet;
}

export const state = () => ({ z: z && effective(), label, settled: changed });
