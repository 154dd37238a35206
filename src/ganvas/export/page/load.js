// Files beside the page, and ONNX Runtime at work on them.
import * as ort from "./ort.js";

export async function fetched(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

export async function unpacked(bytes) {  // some servers unpack by themselves
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export const told = async name => new TextDecoder().decode(await unpacked(await fetched(name)));
export const described = async () => JSON.parse(await told("model.json"));

export async function sessions(...names) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked(await fetched("ort.wasm.gz"));
  const found = [];
  for (const name of names) {
    found.push(await ort.InferenceSession.create(await fetched(name), { executionProviders: ["wasm"] }));
  }
  return found;
}
