// What an EHR does over HTTP when a chart is opened: discovery, prefetch, the call of the hook, feedback.

export const SERVICE = "trial-match";
const USER = "Practitioner/demo";

const at = (path) => new URL(path, document.baseURI).href;
export const fhirServer = () => at("fhir");

/** An answer that is no success, with what the service said about it (RFC 9457). */
export class ServiceError extends Error {
  constructor(status, title, detail) {
    super(title);
    this.status = status;
    this.detail = detail;
  }
}

/** `fetch`, whose failure to connect is told in words; a call that was given up stays what it is. */
async function ask(address, options) {
  try {
    return await fetch(address, options);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new ServiceError(0, "no connection", "");
  }
}

async function getJson(address, options = {}) {
  const response = await ask(address, { headers: { Accept: "application/json" }, ...options });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ServiceError(response.status, body?.title ?? response.statusText, body?.detail ?? "");
  return body;
}

const postJson = (address, body, signal) =>
  ask(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    signal,
  });

export const patients = () => getJson(at("demo/patients"));

let discovered = null;

/** The service's own entry in discovery, asked for once; a failure is not kept. */
export async function service() {
  discovered ??= getJson(at("cds-services"));
  try {
    const { services } = await discovered;
    const found = services.find((entry) => entry.id === SERVICE && entry.hook === "patient-view");
    if (!found) throw new ServiceError(404, "No service", `Discovery lists no ${SERVICE} for patient-view.`);
    return found;
  } catch (problem) {
    discovered = null;
    throw problem;
  }
}

/** A template with its tokens filled in; null where a token cannot be resolved, so that the key is left out. */
function resolved(template, context) {
  const filled = template.replace(/\{\{\s*context\.(\w+)\s*\}\}/g, (token, name) =>
    name in context ? encodeURIComponent(context[name]) : token,
  );
  return filled.includes("{{") ? null : filled;
}

/** The answers to the prefetch templates by key. A key whose query fails is left out, as EHRs do. */
export async function prefetch(templates, context, signal) {
  const asked = Object.entries(templates ?? {}).map(async ([key, template]) => {
    const query = resolved(template, context);
    if (query === null) return null;
    try {
      const headers = { Accept: "application/fhir+json" };
      return [key, await getJson(`${fhirServer()}/${query}`, { headers, signal })];
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
      return null;
    }
  });
  return Object.fromEntries((await Promise.all(asked)).filter(Boolean));
}

/** A random UUID; `crypto.randomUUID` exists only where the page is served securely. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const contextOf = (patientId) => ({ userId: USER, patientId });

export function hookRequest(context, fetched, asOf) {
  return {
    hook: "patient-view",
    hookInstance: uuid(),
    fhirServer: fhirServer(),
    context,
    extension: { "org.trialhook.request": { asOf } },
    prefetch: fetched,
  };
}

/** The service's answer, whatever its status, with the time it took in milliseconds. */
export async function call(request, signal) {
  const begun = performance.now();
  const response = await postJson(at(`cds-services/${SERVICE}`), request, signal);
  const text = await response.text();
  const took = Math.round(performance.now() - begun);
  return { status: response.status, ok: response.ok, took, body: parsed(text) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The same call for a terminal: without the prefetch, the service reads the FHIR server itself. */
export function curl(request) {
  const { prefetch: _, ...rest } = request;
  const quoted = JSON.stringify(rest, null, 2).replaceAll("'", "'\\''");
  return `curl -sS -X POST '${at(`cds-services/${SERVICE}`)}' \\\n  -H 'Content-Type: application/json' \\\n  -d '${quoted}'`;
}

/** Tells the service what became of a card. */
export async function feedback(item) {
  const body = { feedback: [{ ...item, outcomeTimestamp: new Date().toISOString() }] };
  const response = await postJson(at(`cds-services/${SERVICE}/feedback`), body);
  if (!response.ok) throw new ServiceError(response.status, "The feedback was not taken", "");
}
