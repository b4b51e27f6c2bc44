// Building the page from nodes and text: nothing that came from a server is ever read as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`class`, `href`, `on…` for listeners) and children: nodes, text, null, or lists of them. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const WEB = /^https?:\/\/[^\s]+$/i;

/** A link that opens beside this page; plain text where the address does not lead to the web. */
export function outsideLink(address, label, attributes = {}) {
  if (typeof address !== "string" || !WEB.test(address)) return el("span", {}, label);
  const hint = el("span", { class: "vh" }, " (opens in a new tab)");
  return el("a", { ...attributes, href: address, target: "_blank", rel: "noopener noreferrer" }, label, hint);
}

/** `2026-11-21T08:00:00Z` as `2026-11-21`; partial dates stay as they are. */
export const day = (text) => (typeof text === "string" ? text.slice(0, 10) : "");

/** Whole years from a birth date to a day, both ISO; null where one of them is no whole date, or nobody was born yet. */
export function age(birthDate, on) {
  if (!/^\d{4}-\d\d-\d\d$/.test(birthDate ?? "") || !/^\d{4}-\d\d-\d\d$/.test(on ?? "")) return null;
  const years = Number(on.slice(0, 4)) - Number(birthDate.slice(0, 4));
  const reached = on.slice(5) < birthDate.slice(5) ? years - 1 : years;
  return reached < 0 ? null : reached;
}

export const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;
