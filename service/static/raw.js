// The exchange as it went over the wire: tabs with the request, the response and a line for a terminal.

import { byId, el } from "./dom.js";

const NAMES = ["request", "response", "curl"];
const TOKENS = /("(?:\\.|[^"\\])*")(\s*:)?|-?\b\d[\d.eE+-]*\b|\b(?:true|false|null)\b/g;

export function setUpRaw(say) {
  for (const name of NAMES) {
    byId(`tab-${name}`).addEventListener("click", () => choose(name));
    byId(`tab-${name}`).addEventListener("keydown", (event) => moveTab(event, name));
  }
  byId("raw-copy").addEventListener("click", () => copy(say));
}

export function showRaw(request, answer, line) {
  byId("raw").hidden = false;
  byId("raw-note").textContent = answer ? `HTTP ${answer.status} in ${answer.took} ms` : "";
  byId("panel-request").replaceChildren(...coloured(request));
  byId("panel-response").replaceChildren(...coloured(answer?.body ?? "no answer"));
  byId("panel-curl").textContent = line;
}

function choose(name) {
  for (const each of NAMES) {
    const chosen = each === name;
    byId(`tab-${each}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${each}`).tabIndex = chosen ? 0 : -1;
    byId(`panel-${each}`).hidden = !chosen;
  }
}

function moveTab(event, name) {
  const at = NAMES.indexOf(name);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: NAMES.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = NAMES.at(to % NAMES.length);
  choose(next);
  byId(`tab-${next}`).focus();
}

/** Pretty-printed JSON with its keys, strings and other values in spans of their own. */
function coloured(value) {
  if (typeof value === "string") return [value];
  const text = JSON.stringify(value, null, 2);
  const parts = [];
  let end = 0;
  for (const token of text.matchAll(TOKENS)) {
    const kind = token[2] ? "json-key" : token[1] ? "json-text" : "json-other";
    const word = token[1] ?? token[0];
    parts.push(text.slice(end, token.index), el("span", { class: kind }, word));
    end = token.index + word.length;
  }
  return [...parts, text.slice(end)];
}

async function copy(say) {
  const panel = NAMES.map((name) => byId(`panel-${name}`)).find((each) => !each.hidden);
  try {
    await navigator.clipboard.writeText(panel.textContent);
    say("Copied", true);
  } catch {
    // No clipboard without a secure connection: select the text, so that the keyboard can copy it.
    getSelection().selectAllChildren(panel);
    say("Selected; copy it with the keyboard", true);
  }
}
