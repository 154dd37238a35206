// What is known of a run: its facts, figures, diary and report.

import { ask, get } from "./service.js";
import { language, word } from "./words.js";

const $ = id => document.getElementById(id);
const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const number = value => (Number.isInteger(value) ? value.toLocaleString(language()) : Number(value.toPrecision(4)).toString());
let address, report;

function facts(model) {
  const rows = [
    [word("recipe"), model.recipe], [word("data"), [model.data.name, model.data.items?.toLocaleString(language())].filter(Boolean).join(", ")],
    [word("step"), model.step?.toLocaleString(language()) ?? ""], [word("weights"), model.weights.toLocaleString(language())],
    [word("shape"), model.shape.join(" × ")], [word("classes"), model.classes.join(", ")], [word("numbers"), model.latent || ""],
  ].filter(([, value]) => value !== "");
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [made("dt", name), made("dd", value)]));
}

function figures(found) {
  const rows = Object.entries(found.values ?? {});
  if (!rows.length) return $("evaluation").replaceChildren(made("p", word("noEvaluation")));
  const table = document.createElement("table"), head = document.createElement("tr");
  head.append(...["figure", "value", "interval"].map(name => made("th", word(name))));
  table.append(head, ...rows.map(([name, figure]) => {
    const row = document.createElement("tr");
    row.append(made("td", name), made("td", number(figure.value)), made("td", figure.interval?.map(number).join(" – ") ?? ""));
    return row;
  }));
  $("evaluation").replaceChildren(table);
}

export async function open(model) {
  address = `v1/ganvas/models/${encodeURIComponent(model.id)}`;
  facts(model);
  if (report) URL.revokeObjectURL(report);
  report = null;
  $("report").hidden = true;
  $("open-report").disabled = !model.report;
  const mine = address, [judged, diary] = await Promise.all([get(`${mine}/evaluation`), get(`${mine}/diary`)]);
  if (mine !== address) return;
  figures(judged);
  const lines = diary.data.map(line => made("li", [line.step && `${word("step")} ${line.step}`, line.head, line.said, line.advice].filter(Boolean).join(" · ")));
  const list = document.createElement("ol");
  list.append(...lines);
  $("diary").replaceChildren(lines.length ? list : made("p", word("noDiary")));
}

export function wire(failed) {
  $("open-report").onclick = async () => {
    try {
      report ??= URL.createObjectURL(new Blob([await (await ask(`${address}/report`)).text()], { type: "text/html" }));
      $("report").src = report;
      $("report").hidden = false;
      $("report").scrollIntoView();
    } catch (error) {
      failed(error);
    }
  };
}
