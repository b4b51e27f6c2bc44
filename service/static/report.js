/* The lists of the report: a page at a time; the worklist sorts and filters. Without it the whole lists stand there. */
"use strict";

(() => {
  const PAGE = 100;
  const table = document.getElementById("work");
  const form = document.getElementById("filters");
  if (!table || !form) return;

  const body = table.tBodies[0];
  const found = document.getElementById("found");
  const next = document.getElementById("next");
  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
  const fields = ["text", "trial", "grade", "missing"].map((name) => document.getElementById(`f-${name}`));
  const rows = Array.from(body.rows, (row) => ({
    row,
    patient: row.cells[0].textContent.trim().toLowerCase(),
    trial: row.dataset.trial,
    grade: row.dataset.grade,
    missing: Array.from(row.cells[3].querySelectorAll("li"), (item) => item.textContent),
    keys: Array.from(row.cells, (cell) => cell.dataset.sort ?? cell.textContent.trim()),
  }));
  let limit = PAGE;

  const matches = (item, [text, trial, grade, missing]) =>
    item.patient.includes(text.trim().toLowerCase()) &&
    (!trial || item.trial === trial) &&
    (!grade || item.grade === grade) &&
    (!missing || (missing === "-" ? !item.missing.length : item.missing.includes(missing)));

  const show = () => {
    const wanted = fields.map((field) => field.value);
    let count = 0;
    for (const item of rows) {
      const fits = matches(item, wanted);
      count += fits;
      item.row.hidden = !fits || count > limit;
    }
    const shown = Math.min(count, limit);
    next.hidden = shown === count;
    const of = count === rows.length ? "" : ` of ${rows.length.toLocaleString("en")}`;
    const rest = shown < count ? `, the first ${shown.toLocaleString("en")} shown` : "";
    found.textContent = `${count.toLocaleString("en")}${of} ${rows.length === 1 ? "entry" : "entries"}${rest}.`;
  };

  const sort = (heading, column) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => (down ? -1 : 1) * compare(a.keys[column], b.keys[column]));
    body.append(...rows.map((item) => item.row));
    show();
  };

  Array.from(table.tHead.rows[0].cells).forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading, column));
    heading.replaceChildren(button);
  });

  const restart = () => {
    limit = PAGE;
    show();
  };
  form.addEventListener("input", restart);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(restart));
  next.addEventListener("click", () => {
    limit += PAGE;
    show();
  });
  form.hidden = false;
  show();
})();

(() => {
  const PAGE = 50;
  for (const table of document.querySelectorAll(".r-soon, .r-near")) {
    const rest = Array.from(table.tBodies[0].rows).slice(PAGE);
    if (!rest.length) continue;
    for (const row of rest) row.hidden = true;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Show more";
    button.addEventListener("click", () => {
      for (const row of rest.splice(0, PAGE)) row.hidden = false;
      button.hidden = !rest.length;
    });
    const next = document.createElement("p");
    next.className = "r-next";
    next.append(button);
    table.after(next);
  }
})();
