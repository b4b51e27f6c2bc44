// The chart: a compact list of what the prefetch answers hold, so that the reader sees what the cards stand on.

import { counted, day, el } from "./dom.js";

const SECTIONS = [
  ["Problems", ["Condition"]],
  ["Medications", ["MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense"]],
  ["Results", ["Observation"]],
  ["Procedures", ["Procedure"]],
  ["Allergies", ["AllergyIntolerance"]],
];
const KINDS = {
  MedicationRequest: "order",
  MedicationAdministration: "given",
  MedicationDispense: "handed over",
  MedicationStatement: "statement",
};
const SHOWN = 8;

/** Every resource of the prefetch answers once, in their order. */
export function resourcesOf(prefetch) {
  const found = new Map();
  for (const answer of Object.values(prefetch)) {
    const held = answer?.resourceType === "Bundle" ? (answer.entry ?? []).map((entry) => entry.resource) : [answer];
    for (const resource of held) {
      if (resource?.resourceType) found.set(`${resource.resourceType}/${resource.id}`, resource);
    }
  }
  return [...found.values()];
}

export function chart(resources) {
  const sections = SECTIONS.map(([title, types]) => {
    const rows = grouped(resources.filter((resource) => types.includes(resource.resourceType)).map(row));
    return rows.length ? section(title, rows) : null;
  });
  return sections.some(Boolean) ? sections : [el("p", { class: "notice" }, "No resources came back for this patient.")];
}

function section(title, rows) {
  const list = (part) => el("ul", { class: "rows" }, part.map(line));
  const rest = rows.slice(SHOWN);
  const more = el("details", { class: "more-rows" }, el("summary", {}, `${rest.length} more`), list(rest));
  return el("section", { class: "chart-section" }, el("h4", {}, title), list(rows.slice(0, SHOWN)), rest.length ? more : null);
}

function line(entry) {
  return el(
    "li",
    {},
    el("span", { class: "row-name" }, entry.name, entry.note ? el("span", { class: "row-note" }, ` ${entry.note}`) : null),
    entry.value ? el("span", { class: "row-value" }, entry.value) : null,
    el("span", { class: "row-date" }, entry.date || "no date", entry.times > 1 ? ` (${entry.times}×)` : ""),
  );
}

/** Newest first; what has the same name and kind is one line with the newest value and how often it stands. */
function grouped(rows) {
  const lines = new Map();
  for (const entry of rows.toSorted((a, b) => b.date.localeCompare(a.date))) {
    const key = `${entry.name}|${entry.kind}`;
    if (lines.has(key)) lines.get(key).times += 1;
    else lines.set(key, { ...entry, times: 1 });
  }
  return [...lines.values()];
}

function row(resource) {
  const made = ROWS[resource.resourceType] ?? medication;
  return { kind: resource.resourceType, note: "", value: "", ...made(resource) };
}

const ROWS = {
  Condition: (r) => ({
    name: concept(r.code),
    value: code(r.clinicalStatus),
    note: code(r.verificationStatus) === "confirmed" ? "" : code(r.verificationStatus),
    date: day(r.onsetDateTime ?? r.onsetPeriod?.start ?? r.recordedDate),
  }),
  Observation: (r) => ({
    name: testName(r.code),
    value: observed(r),
    note: r.status === "final" ? "" : r.status,
    date: observedOn(r),
  }),
  Procedure: (r) => ({ name: concept(r.code), value: r.status, date: day(r.performedDateTime ?? r.performedPeriod?.start) }),
  AllergyIntolerance: (r) => ({
    name: concept(r.code),
    value: code(r.clinicalStatus),
    date: day(r.onsetDateTime ?? r.recordedDate),
  }),
};

function medication(r) {
  const given = r.effectiveDateTime ?? r.effectivePeriod?.end ?? r.effectivePeriod?.start;
  return {
    name: concept(r.medicationCodeableConcept) || r.medicationReference?.display || r.medicationReference?.reference || "Medication",
    note: KINDS[r.resourceType] ?? "",
    value: r.status,
    date: day(given ?? r.whenHandedOver ?? r.authoredOn ?? r.dateAsserted),
  };
}

const code = (value) => value?.coding?.[0]?.code ?? value?.text ?? "";

function concept(value) {
  const coding = value?.coding?.find((each) => each.display) ?? value?.coding?.[0];
  return value?.text ?? coding?.display ?? coding?.code ?? "";
}

/** A test's name without the property that LOINC writes in brackets: `Hemoglobin [Mass/volume] in Blood`. */
const testName = (value) => concept(value).replace(/ \[[^\]]*\]/g, "");

const observedOn = (r) => day(r.effectiveDateTime ?? r.effectivePeriod?.end ?? r.effectiveInstant ?? r.issued);

function observed(r) {
  const parts = [r, ...(r.component ?? [])].map(valueOf).filter(Boolean);
  return parts.join(", ") || (r.dataAbsentReason ? "no value" : "");
}

function valueOf(r) {
  if (r.valueQuantity) return quantity(r.valueQuantity);
  if (r.valueCodeableConcept) return concept(r.valueCodeableConcept);
  if (r.valueRange) return `${quantity(r.valueRange.low)}–${quantity(r.valueRange.high)}`;
  if (r.valueRatio) return `${quantity(r.valueRatio.numerator)} : ${quantity(r.valueRatio.denominator)}`;
  const plain = r.valueString ?? r.valueInteger ?? r.valueBoolean ?? r.valueDateTime;
  return plain === undefined ? "" : String(plain);
}

function quantity(value) {
  if (!value) return "";
  const unit = value.unit ?? value.code ?? "";
  return `${value.comparator ?? ""}${value.value ?? ""}${unit === "1" || unit === "{ratio}" ? "" : ` ${unit}`}`.trim();
}

export const chartNote = (resources) => counted(resources.length, "resource in the prefetch", "resources in the prefetch");
