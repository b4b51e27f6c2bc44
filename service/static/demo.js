// The demo: plays an EHR that opens a patient's chart, and shows what comes back.

import { card } from "./cards.js";
import { chart, chartNote, resourcesOf } from "./chart.js";
import { age, byId, counted, el } from "./dom.js";
import * as exchange from "./exchange.js";
import { setUpRaw, showRaw } from "./raw.js";

let known = [];
let chosen = null;
let running = null;

let lastDay = byId("as-of").defaultValue;

/** The day of the field; the last one where the field holds none. */
function asOf() {
  if (byId("as-of").checkValidity()) lastDay = byId("as-of").value;
  return lastDay;
}

const isSkipLink = () => location.hash === "#main";

/** The patient that the address names; the one before where the skip link stands there. */
function addressed() {
  if (isSkipLink()) return chosen;
  return known.find((patient) => `#${encodeURIComponent(patient.id)}` === location.hash) ?? null;
}

/** Who is asked for by an address that names nobody of the list. */
function stranger() {
  if (chosen !== null || isSkipLink() || location.hash.length < 2) return "";
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

const SHOWN_MS = 6000;
let hiding = 0;

/** Tells screen readers; with `shown` also everybody else, for a while. */
function say(text, shown = false) {
  clearTimeout(hiding);
  byId("said").textContent = text;
  byId("said").classList.toggle("is-shown", shown);
  if (shown) hiding = setTimeout(() => byId("said").classList.remove("is-shown"), SHOWN_MS);
}

async function start() {
  setUpRaw(say);
  window.addEventListener("hashchange", () => (chosen === null || addressed() !== chosen) && open());
  byId("as-of").addEventListener("change", () => {
    if (byId("as-of").checkValidity()) open();
    else say(`No day is chosen; what is shown stays as of ${asOf()}.`, true);
  });
  try {
    known = await exchange.patients();
  } catch (problem) {
    byId("patients").replaceChildren(el("li", {}, failure(problem, () => location.reload())));
    return;
  }
  open();
}

function listPatients() {
  byId("patients").replaceChildren(...known.map(patientItem));
}

function patientItem(patient) {
  const initials = patient.name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  return el(
    "li",
    {},
    el(
      "a",
      { href: `#${encodeURIComponent(patient.id)}`, "aria-current": patient === chosen ? "true" : null },
      el("span", { class: "avatar", "aria-hidden": "true" }, initials),
      el(
        "span",
        { class: "patient-words" },
        el("span", { class: "patient-name" }, patient.name, el("span", { class: "patient-age" }, person(patient))),
        el("span", { class: "patient-story" }, patient.story),
      ),
    ),
  );
}

function person(patient) {
  const years = age(patient.birthDate, asOf());
  return [years === null ? "" : `${years} y`, patient.gender ?? ""].filter(Boolean).join(" ");
}

function banner(patient) {
  const facts = [["Born", patient.birthDate], ["Age", age(patient.birthDate, asOf())], ["Gender", patient.gender], ["Id", patient.id]];
  byId("banner").replaceChildren(
    el("div", { class: "banner-name" }, el("h2", {}, patient.name), el("span", { class: "synthetic" }, "Synthetic")),
    el("p", { class: "banner-story" }, patient.story),
    el("dl", { class: "banner-facts" }, facts.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, String(value))))),
  );
}

/** Opens the chart that the address names; a chart that is still being opened is given up. */
function open() {
  running?.abort();
  chosen = addressed();
  markChosen();
  byId("welcome").hidden = chosen !== null;
  sayStranger(stranger());
  for (const id of ["banner", "columns"]) byId(id).hidden = chosen === null;
  byId("raw").hidden = true;
  if (chosen === null) return;
  running = new AbortController();
  scrollTo({ top: 0 });
  banner(chosen);
  loading();
  visit(chosen, running.signal);
}

/** Says that nobody of the list is meant, so that no other chart is taken for theirs. */
function sayStranger(id) {
  byId("stranger").hidden = id === "";
  if (id) byId("stranger").textContent = `There is no patient “${id.slice(0, 64)}” in this demo. Choose one from the list.`;
}

/** The list anew: ages depend on the day, and one patient is marked. The keyboard's place in it stays. */
function markChosen() {
  const focused = document.activeElement?.closest("#patients a")?.getAttribute("href");
  listPatients();
  const links = [...byId("patients").querySelectorAll("a")];
  links.find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  const current = links.find((link) => link.hasAttribute("aria-current"));
  if (current) reveal(current);
}

/** Scrolls the list of patients, and nothing else, so that one of them is in sight. */
function reveal(link) {
  const seen = link.getBoundingClientRect();
  for (const list of [byId("patients"), byId("patients").parentElement]) {
    const frame = list.getBoundingClientRect();
    if (seen.left < frame.left || seen.right > frame.right) list.scrollLeft += seen.left - frame.left - 16;
    if (seen.top < frame.top || seen.bottom > frame.bottom) list.scrollTop += seen.top - frame.top - 16;
  }
}

function loading() {
  byId("cards").setAttribute("aria-busy", "true");
  byId("cards").replaceChildren(...["", ""].map(() => el("div", { class: "skeleton", "aria-hidden": "true" })));
  byId("chart").replaceChildren(el("div", { class: "skeleton", "aria-hidden": "true" }));
  byId("cards-note").textContent = "asking the service…";
  byId("chart-note").textContent = "";
  say("Reading the chart");
}

async function visit(patient, signal) {
  try {
    const { prefetch: templates } = await exchange.service();
    const context = exchange.contextOf(patient.id);
    const fetched = await exchange.prefetch(templates, context, signal);
    if (signal.aborted) return;
    const resources = resourcesOf(fetched);
    byId("chart-note").textContent = chartNote(resources);
    byId("chart").replaceChildren(...chart(resources).filter(Boolean));
    const request = exchange.hookRequest(context, fetched, asOf());
    const answer = await exchange.call(request, signal);
    if (signal.aborted) return;
    showRaw(request, answer, exchange.curl(request));
    showAnswer(answer, request.extension["org.trialhook.request"].asOf);
  } catch (problem) {
    if (!signal.aborted) showFailure(problem);
  }
}

function showAnswer(answer, day) {
  if (!answer.ok) {
    showFailure(new exchange.ServiceError(answer.status, answer.body?.title ?? "No answer", answer.body?.detail ?? ""));
    return;
  }
  const cards = answer.body?.cards ?? [];
  const shown = cards.map((each, index) => card(each, tell, index > 0));
  const told = cards.length ? counted(cards.length, "card", "cards") : "No card";
  fillCards(shown.length ? shown : [nothing()]);
  byId("cards-note").textContent = `${told} as of ${day}, ${answer.took} ms`;
  say(told);
}

function fillCards(nodes) {
  byId("cards").setAttribute("aria-busy", "false");
  byId("cards").replaceChildren(...nodes);
}

const nothing = () =>
  el(
    "div",
    { class: "notice notice-empty" },
    el("p", { class: "notice-title" }, "No card: no open question for this patient"),
    el("p", {}, "No trial of the library fits or may fit. The service stays silent, so that nobody is interrupted for nothing."),
  );

function showFailure(problem) {
  if (!byId("chart").querySelector(".chart-section")) byId("chart").replaceChildren();
  fillCards([failure(problem, open)]);
  byId("cards-note").textContent = "";
  say("No answer from the service");
}

function failure(problem, again) {
  const status = problem.status ? `HTTP ${problem.status}: ` : "";
  return el(
    "div",
    { class: "notice notice-error" },
    el("p", { class: "notice-title" }, "No answer from the service"),
    el("p", {}, `${status}${problem.message}`),
    problem.detail ? el("p", {}, problem.detail) : null,
    el("button", { type: "button", class: "button button-outline", onclick: again }, "Try again"),
  );
}

/** Sends feedback about a card; whether it was taken. */
async function tell(item, said) {
  try {
    await exchange.feedback(item);
    say(`${said}. The service was told.`, true);
    return true;
  } catch (problem) {
    say(`The feedback could not be sent (${problem.message}).`, true);
    return false;
  }
}

start();
