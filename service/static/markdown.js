// The part of Markdown that cards use, built as nodes: paragraphs, headings, bullet lists, bold, emphasis, code, line
// breaks, links to the web, backslash escapes. HTML in the text stays text.

import { el, outsideLink } from "./dom.js";

const ESCAPABLE = /[!-/:-@[-`{-~]/;
const BULLET = /^\s{0,3}[-*+]\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;

/** A fragment of the document for a Markdown text. */
export function markdown(text) {
  const fragment = document.createDocumentFragment();
  for (const block of blocks(String(text ?? "").replace(/\r\n?/g, "\n").split("\n"))) fragment.append(block);
  return fragment;
}

function* blocks(lines) {
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
    } else if (HEADING.test(lines[at])) {
      yield el("p", { class: "md-heading" }, inline(lines[at].match(HEADING)[1]));
      at += 1;
    } else if (BULLET.test(lines[at])) {
      const items = takeList(lines, at);
      yield el("ul", {}, items.map((item) => el("li", {}, inline(item.text))));
      at = items.end;
    } else {
      const end = endOfParagraph(lines, at);
      yield el("p", {}, inline(lines.slice(at, end).join("\n")));
      at = end;
    }
  }
}

function takeList(lines, start) {
  const items = [];
  let at = start;
  while (at < lines.length && lines[at].trim()) {
    const bullet = lines[at].match(BULLET);
    if (bullet) items.push({ text: bullet[1] });
    else items[items.length - 1].text += `\n${lines[at].trim()}`;
    at += 1;
  }
  items.end = at;
  return items;
}

function endOfParagraph(lines, start) {
  let at = start + 1;
  while (at < lines.length && lines[at].trim() && !BULLET.test(lines[at]) && !HEADING.test(lines[at])) at += 1;
  return at;
}

/** The nodes of one block's text. */
function inline(text) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
  };
  let at = 0;
  while (at < text.length) {
    const found = escaped(text, at) ?? lineBreak(text, at) ?? spanned(text, at) ?? link(text, at);
    if (!found) {
      plain += text[at];
      at += 1;
    } else if (typeof found.node === "string") {
      plain += found.node;
      at = found.end;
    } else {
      flush();
      nodes.push(found.node);
      at = found.end;
    }
  }
  flush();
  return nodes;
}

function escaped(text, at) {
  if (text[at] !== "\\" || at + 1 >= text.length) return null;
  if (text[at + 1] === "\n") return { node: el("br"), end: at + 2 };
  return ESCAPABLE.test(text[at + 1]) ? { node: text[at + 1], end: at + 2 } : null;
}

function lineBreak(text, at) {
  const run = /^ {2,}\n/.exec(text.slice(at, at + 40));
  if (run) return { node: el("br"), end: at + run[0].length };
  return text[at] === "\n" ? { node: " ", end: at + 1 } : null;
}

const SPANS = [["**", "strong"], ["__", "strong"], ["*", "em"], ["_", "em"], ["`", "code"]];

function spanned(text, at) {
  for (const [mark, tag] of SPANS) {
    if (!text.startsWith(mark, at)) continue;
    if (mark[0] === "_" && /\w/.test(text[at - 1] ?? "")) return { node: mark, end: at + mark.length };
    const end = closing(text, at + mark.length, mark);
    if (end < 0) return { node: mark, end: at + mark.length };
    const inside = text.slice(at + mark.length, end);
    return { node: el(tag, {}, tag === "code" ? inside : inline(inside)), end: end + mark.length };
  }
  return null;
}

/** Where a mark that opened before `from` closes: not behind a backslash, not empty; -1 where nowhere. */
function closing(text, from, mark) {
  if (/^\s/.test(text.slice(from))) return -1;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\" && mark !== "`") at += 1;
    else if (at > from && text.startsWith(mark, at)) return at;
  }
  return -1;
}

function link(text, at) {
  if (text[at] !== "[") return null;
  const middle = closing(text, at + 1, "](");
  const end = middle < 0 ? -1 : closing(text, middle + 2, ")");
  if (end < 0) return null;
  const address = text.slice(middle + 2, end).replace(/\\([!-/:-@[-`{-~])/g, "$1");
  return { node: outsideLink(address, inline(text.slice(at + 1, middle))), end: end + 1 };
}
