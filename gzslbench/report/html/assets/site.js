"use strict";

// Sorting: a click on a column's head; again for the other way round. Only the first body takes part.
function sortBy(head) {
  const table = head.closest("table");
  const column = [...head.parentElement.children].indexOf(head);
  const numbers = head.classList.contains("number");
  const before = head.getAttribute("aria-sort");
  const falling = before ? before === "ascending" : numbers;
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[column], numbers) }));
  rows.sort((a, b) => compare(a.key, b.key, falling));
  body.append(...rows.map((each) => each.row));
}

function keyOf(cell, numbers) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  if (!numbers) return text;
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? null : value;
}

// What has no number comes last either way.
function compare(a, b, falling) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return falling ? -order : order;
}

for (const head of document.querySelectorAll(".sortable thead th")) {
  head.querySelector("button").addEventListener("click", () => sortBy(head));
}

// The first page's filters choose which tables show, and which of their rows and columns; ranks are over all datasets.
function filterBoards(form) {
  const chosen = new FormData(form);
  const datasets = new Set(chosen.getAll("dataset"));
  const text = chosen.get("method").toLowerCase();
  const published = chosen.get("published") !== null;
  let tables = 0;
  let methods = 0;
  for (const board of document.querySelectorAll(".board")) {
    for (const cell of board.querySelectorAll("[data-dataset]")) cell.hidden = !datasets.has(cell.dataset.dataset);
    const narrowed = [...board.querySelectorAll("th[data-dataset]")].some((head) => head.hidden);
    for (const cell of board.querySelectorAll(".rank")) cell.hidden = narrowed;
    let shown = 0;
    for (const row of board.querySelectorAll("tbody tr")) {
      const theirs = row.parentElement.classList.contains("published");
      const cells = [...row.querySelectorAll("[data-dataset]")].some((cell) => !cell.hidden && cell.textContent.trim() !== "–");
      row.hidden = !(cells && row.dataset.method.toLowerCase().includes(text) && (published || !theirs));
      shown += !row.hidden && !theirs;
    }
    const { metric, rule, setting } = board.dataset;
    const wanted = metric === chosen.get("metric") && rule === chosen.get("rule") && ["", setting].includes(chosen.get("setting"));
    board.hidden = !(wanted && shown > 0);
    tables += !board.hidden;
    methods += board.hidden ? 0 : shown;
  }
  document.querySelector(".nothing").hidden = tables > 0;
  form.querySelector("output").value = `${methods} rows in ${tables} ${tables === 1 ? "table" : "tables"}`;
}

function filterRuns(form) {
  const chosen = new FormData(form);
  const text = chosen.get("text").toLowerCase();
  const rows = [...document.querySelector("table.sortable").tBodies[0].rows];
  for (const row of rows) {
    const fits = ["dataset", "status"].every((name) => ["", row.dataset[name]].includes(chosen.get(name)));
    row.hidden = !(fits && row.textContent.toLowerCase().includes(text));
  }
  form.querySelector("output").value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} runs`;
}

// A form hides its own properties behind controls of the same name, `dataset` among them.
for (const form of document.querySelectorAll(".filters")) {
  const filter = form.getAttribute("data-for") === "runs" ? filterRuns : filterBoards;
  form.hidden = false;
  form.addEventListener("input", () => filter(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  // Not before the browser has given the controls back what they were left at.
  addEventListener("pageshow", () => filter(form));
}

// The reader's choice between light and dark, kept where the browser keeps things for pages from disk.
const theme = document.querySelector(".theme");
const kept = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
  set: (value) => { try { localStorage.setItem("theme", value); } catch { /* this page alone */ } } };

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function wear(chosen) {
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  theme.textContent = isDark() ? "Light" : "Dark";
}

theme.hidden = false;
theme.addEventListener("click", () => { const next = isDark() ? "light" : "dark"; wear(next); kept.set(next); });
wear(kept.get());
