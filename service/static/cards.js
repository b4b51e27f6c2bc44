// Cards as an EHR shows them: indicator, summary, detail, source, links, suggestions, dismissal with a reason.

import { el, outsideLink } from "./dom.js";
import { markdown } from "./markdown.js";

const INDICATORS = { info: "Information", warning: "Warning", critical: "Critical" };

const LONG = 400; // characters of detail that are worth folding

/**
 * One card, with a long detail folded where `folded` says so. `tell(item, said)` sends feedback and says so to the
 * reader; it gives false where that failed.
 */
export function card(given, tell, folded = false) {
  const indicator = Object.hasOwn(INDICATORS, given.indicator) ? given.indicator : "info";
  const heading = el("h4", { class: "card-summary" }, given.summary);
  const node = el(
    "article",
    { class: `card card-${indicator}` },
    el("div", { class: "card-head" }, el("span", { class: "card-sign" }, INDICATORS[indicator]), heading),
    given.detail ? detail(given, folded && given.detail.length > LONG) : null,
    links(given),
    suggestions(given, tell),
    el("footer", { class: "card-foot" }, source(given.source), given.uuid ? dismissal(given, tell, () => node) : null),
  );
  return node;
}

function detail(given, folded) {
  const body = el("div", { class: "card-body" }, markdown(given.detail));
  if (!folded) return body;
  body.classList.add("is-folded");
  const unfold = () => {
    const open = body.classList.toggle("is-folded") === false;
    button.setAttribute("aria-expanded", String(open));
    button.firstChild.textContent = open ? "Show less" : "Show all";
  };
  const hint = el("span", { class: "vh" }, ` of ${given.summary}`);
  const button = el("button", { type: "button", class: "button button-quiet unfold", "aria-expanded": "false", onclick: unfold }, "Show all", hint);
  return [body, button];
}

function source(given) {
  if (!given?.label) return el("span");
  return el("p", { class: "card-source" }, "Source: ", given.url ? outsideLink(given.url, given.label) : given.label);
}

function links(given) {
  const shown = (given.links ?? []).map((link) =>
    link.type === "smart"
      ? el("li", {}, el("span", { class: "link-smart" }, `${link.label} (a SMART app, not launched in this demo)`))
      : el("li", {}, outsideLink(link.url, link.label)),
  );
  return shown.length ? el("ul", { class: "card-links" }, shown) : null;
}

function suggestions(given, tell) {
  if (!given.suggestions?.length) return null;
  const rows = given.suggestions.map((suggestion) => suggestionRow(given, suggestion, tell));
  return el("ul", { class: "suggestions", "aria-label": "Suggestions" }, rows);
}

function suggestionRow(given, suggestion, tell) {
  const done = el("p", { class: "suggestion-done", hidden: true });
  const accept = async () => {
    button.disabled = true;
    const item = { card: given.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] };
    if (await tell(item, `Accepted: ${suggestion.label}`)) {
      done.textContent = `Accepted. An EHR would now do this: ${actionsOf(suggestion)}`;
      done.hidden = false;
      button.classList.add("is-done");
    } else {
      button.disabled = false;
    }
  };
  const kind = suggestion.isRecommended ? "button" : "button button-outline";
  const button = el("button", { type: "button", class: kind, onclick: accept }, suggestion.label);
  return el("li", {}, button, done);
}

function actionsOf(suggestion) {
  const told = (suggestion.actions ?? []).map((action) => action.description ?? `${action.type} ${action.resource?.resourceType}`);
  return told.join("; ") || "nothing in the record changes.";
}

let forms = 0;

/** A dismiss button that unfolds a small form: why, and a remark. */
function dismissal(given, tell, cardNode) {
  forms += 1;
  const id = `dismiss-${forms}`;
  const form = dismissForm(given, id, tell, cardNode);
  const fold = (open) => {
    form.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    (open ? form.querySelector("select, input") : toggle).focus();
  };
  const toggle = el(
    "button",
    { type: "button", class: "button button-quiet", "aria-expanded": "false", "aria-controls": id, onclick: () => fold(form.hidden) },
    "Dismiss",
    el("span", { class: "vh" }, `: ${given.summary}`),
  );
  form.addEventListener("keydown", (event) => event.key === "Escape" && fold(false));
  form.querySelector(".keep").addEventListener("click", () => fold(false));
  return [toggle, form];
}

function dismissForm(given, id, tell, cardNode) {
  const reasons = given.overrideReasons ?? [];
  const options = reasons.map((reason, index) => el("option", { value: index }, reason.display ?? reason.code));
  const choice = el("select", { id: `${id}-reason`, name: "reason" }, el("option", { value: "" }, "No reason given"), options);
  const remark = el("input", { id: `${id}-remark`, name: "remark", type: "text", maxlength: 200, autocomplete: "off" });
  const dismiss = async (event) => {
    event.preventDefault();
    const reason = choice.value === "" ? undefined : reasons[Number(choice.value)];
    const said = reason?.display ?? reason?.code ?? "no reason given";
    if (await tell(overridden(given.uuid, reason, remark.value.trim()), `Dismissed: ${said}`)) collapse(cardNode(), given, said);
  };
  return el(
    "form",
    { class: "dismiss", id, hidden: true, onsubmit: dismiss },
    reasons.length ? el("label", { for: `${id}-reason` }, "Why does the card not help?", choice) : null,
    el("label", { for: `${id}-remark` }, "Remark (no patient data)", remark),
    el(
      "div",
      { class: "dismiss-buttons" },
      el("button", { type: "submit", class: "button" }, "Dismiss card"),
      el("button", { type: "button", class: "button button-quiet keep" }, "Keep it"),
    ),
  );
}

function overridden(uuid, reason, remark) {
  const why = { ...(reason ? { reason } : {}), ...(remark ? { userComment: remark } : {}) };
  return { card: uuid, outcome: "overridden", ...(Object.keys(why).length ? { overrideReason: why } : {}) };
}

function collapse(node, given, said) {
  const line = el("p", { class: "card-dismissed", tabindex: "-1" }, el("b", {}, "Dismissed"), ` (${said}): ${given.summary}`);
  node.replaceWith(line);
  line.focus();
}
