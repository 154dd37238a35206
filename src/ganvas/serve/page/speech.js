// Speech: a text, said, heard and seen.

import { ask } from "./service.js";
import { word } from "./words.js";

const $ = id => document.getElementById(id);
let model, address;

async function say() {
  const mine = model, body = {
    model: model.id, input: $("spoken").value, response_format: "wav", speed: Number($("speed").value),
    variation: Number($("variation").value), seed: Math.trunc(Number($("speech-seed").value)) || 0,
  };
  if (model.classes.length) body.voice = $("voice").value;
  $("speak").disabled = true;
  try {
    const file = await (await ask("v1/audio/speech", body)).arrayBuffer();
    if (mine !== model) return;
    const view = new DataView(file);  // it was sent before its length was known
    view.setUint32(4, file.byteLength - 8, true);
    view.setUint32(40, file.byteLength - 44, true);
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([file], { type: "audio/wav" }));
    $("player").src = $("save-sound").href = address;
    $("player").hidden = $("wave").hidden = $("save-sound").hidden = false;
    draw(new Int16Array(file.slice(44, 44 + 2 * Math.floor((file.byteLength - 44) / 2))));
    await $("player").play().catch(() => {});
  } finally {
    $("speak").disabled = false;
  }
}

// The largest and the smallest value of each column.
function draw(samples) {
  const canvas = $("wave"), c = canvas.getContext("2d"), { width, height } = canvas;
  c.clearRect(0, 0, width, height);
  c.fillStyle = "#3757d8";
  for (let x = 0; x < width; x++) {
    const part = samples.subarray(Math.floor(x * samples.length / width), Math.floor((x + 1) * samples.length / width) + 1);
    let [low, high] = [0, 0];
    for (const value of part) [low, high] = [Math.min(low, value), Math.max(high, value)];
    c.fillRect(x, height / 2 * (1 - high / 32768), 1, Math.max(1, height * (high - low) / 65536));
  }
}

export function open(chosen) {
  model = chosen;
  $("voices").hidden = !model.classes.length;
  $("voice").replaceChildren(...model.classes.map(name => new Option(name, name)));
  $("player").pause();
  $("player").hidden = $("wave").hidden = $("save-sound").hidden = true;
  $("wave").setAttribute("aria-label", word("wave"));
}

export function wire(failed) {
  $("say-it").onsubmit = event => { event.preventDefault(); say().catch(failed); };
  for (const id of ["speed", "variation"]) $(id).oninput = () => { $(`${id}-value`).textContent = $(id).value; };
}
