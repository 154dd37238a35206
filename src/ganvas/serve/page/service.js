// Requests to the server that this page came from.

let key = sessionStorage.getItem("key");

export function setKey(value) {
  key = value;
  sessionStorage.setItem("key", value);
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, body, signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  for (let tries = 0; ; tries++) {
    const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
    if (answer.ok) return answer;
    if (answer.status === 429 && tries < 3) {
      await new Promise(done => setTimeout(done, 1000 * Number(answer.headers.get("retry-after") ?? 1)));
      continue;
    }
    const said = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, said.error?.message ?? answer.statusText);
  }
}

export const get = async path => (await ask(path)).json();
export const post = async (path, body) => (await ask(path, body)).json();

// Server-sent events, each as an object.
export async function* events(path, body, signal) {
  const reader = (await ask(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Refused(500, event.error.message);
      yield event;
    }
  }
}
