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
  head.querySelector("button")?.addEventListener("click", () => sortBy(head));
}

// The first page's filters choose which tables show, and which of their rows and columns; ranks are over all datasets.
const METRICS = ["T1", "U", "S", "H", "AUSUC"];
let ordered = null;

function filterBoards(form) {
  const chosen = new FormData(form);
  const metric = chosen.get("metric");
  const datasets = new Set(chosen.getAll("dataset"));
  const text = chosen.get("method").toLowerCase();
  const published = chosen.get("published") !== null;
  const fits = (cell) => (!("dataset" in cell.dataset) || datasets.has(cell.dataset.dataset))
    && (!("for" in cell.dataset) || cell.dataset.for === metric);
  for (const cell of document.querySelectorAll("[data-for], .board [data-dataset]")) cell.hidden = !fits(cell);
  let tables = 0;
  let methods = 0;
  for (const board of document.querySelectorAll(".board")) {
    const wanted = board.dataset.rule === chosen.get("rule") && board.dataset.parameters === (chosen.get("parameters") ?? "own")
      && ["setting", "data"].every((name) => ["", board.dataset[name]].includes(chosen.get(name) ?? ""));
    for (const cell of board.querySelectorAll("[data-metric]")) cell.classList.toggle("main", cell.dataset.metric === metric);
    for (const head of board.querySelectorAll("th[colspan]")) head.colSpan = metric === "AUSUC" ? 5 : 4;
    const narrowed = [...board.querySelectorAll("th[colspan]")].some((head) => head.hidden);
    if (narrowed) for (const cell of board.querySelectorAll(".rank")) cell.hidden = true;
    let shown = 0;
    for (const row of board.querySelectorAll(".sortable tbody tr")) {
      const theirs = row.parentElement.classList.contains("published");
      const cells = [...row.querySelectorAll("[data-dataset]")].some((cell) => !cell.hidden && cell.textContent.trim() !== "–");
      row.hidden = !(cells && row.dataset.method.toLowerCase().includes(text) && (published || !theirs));
      shown += !row.hidden && !theirs;
    }
    if (ordered !== metric) {
      const place = (row) => Number(row.dataset.places.trim().split(" ")[METRICS.indexOf(metric)]);
      const body = board.querySelector(".sortable").tBodies[0];
      body.append(...[...body.rows].sort((a, b) => place(a) - place(b)));
      for (const head of board.querySelectorAll("[aria-sort]")) head.removeAttribute("aria-sort");
    }
    board.hidden = !(wanted && shown > 0);
    tables += !board.hidden;
    methods += board.hidden ? 0 : shown;
    if (!board.hidden) drawCharts(board, metric);
  }
  ordered = metric;
  document.querySelector(".nothing").hidden = tables > 0;
  form.querySelector("output").value = `${methods} rows in ${tables} ${tables === 1 ? "table" : "tables"}`;
}

// Charts show the visible rows of a table.
const WIDE = 440, HIGH = 300, LEFT = 38, BOTTOM = 36, TOP = 8, RIGHT = 14;

function make(parent, name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// One point per row and dataset: its numbers, and the button that opens its runs.
function pointsOf(board, metric) {
  const datasets = [...board.querySelectorAll("th[colspan]")].map((head) => head.dataset.dataset);
  const points = [];
  for (const row of board.querySelectorAll(".sortable tbody:not(.published) tr:not([hidden])")) {
    datasets.forEach((dataset, number) => {
      const of = (name) => [...row.cells].find((cell) => cell.dataset.dataset === dataset && cell.dataset.metric === name);
      const value = (name) => Number(of(name).dataset.value);
      const cell = of(metric);
      if (cell.hidden || cell.dataset.value === undefined) return;
      points.push({ label: row.dataset.method, dataset, number, best: cell.classList.contains("best"),
        runs: cell.querySelector("button").getAttribute("popovertarget"), S: value("S"), U: value("U"),
        value: value(metric), minutes: Number(cell.dataset.minutes), ends: cell.dataset.ends?.split(" ").map(Number) });
    });
  }
  return points;
}

function drawCharts(board, metric) {
  const points = pointsOf(board, metric);
  const place = board.querySelector(".charts");
  place.replaceChildren();
  if (!points.length) return;
  const round = (values, up) => (up ? Math.ceil(Math.max(...values) / 10) : Math.floor(Math.min(...values) / 10)) * 10;
  const most = { S: round(points.map((p) => p.S + 1), true), U: round(points.map((p) => p.U + 1), true) };
  chart(place, "Accuracy on seen against unseen classes. On a curve, H is equal.", points, {
    x: { title: "S, seen classes (%)", from: 0, to: most.S, of: (p) => p.S, ticks: tens(0, most.S) },
    y: { title: "U, unseen classes (%)", from: 0, to: most.U, of: (p) => p.U, ticks: tens(0, most.U) },
    below: (svg, x, y, taken) => {
      for (let H = 10; H < 100; H += 10) {
        const curve = [];
        for (let S = H / 2 + 0.1; S <= most.S; S += 0.5) {
          const U = (H * S) / (2 * S - H);
          if (U <= most.U) curve.push(`${x(S)},${y(U)}`);
        }
        if (curve.length < 2) continue;
        make(svg, "polyline", { points: curve.join(" "), class: "grid" });
        const [left, top] = curve.at(-1).split(",").map(Number);
        make(svg, "text", { x: left - 2, y: top - 3, class: "quiet", "text-anchor": "end" }, `H ${H}`);
        taken.push([left - 34, top - 13, 34, 11]);
      }
    },
  });
  const timed = points.filter((p) => p.minutes > 0);
  if (timed.length < 2) return;
  const logs = timed.map((p) => Math.log10(p.minutes));
  const [first, last] = [Math.floor(Math.min(...logs)), Math.max(Math.ceil(Math.max(...logs)), Math.floor(Math.min(...logs)) + 1)];
  const ends = timed.flatMap((p) => p.ends ?? [p.value]).concat(timed.map((p) => p.value));
  const [low, high] = [round(ends, false), Math.max(round(ends, true), round(ends, false) + 10)];
  const powers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  chart(place, `Minutes of a run, all training and evaluation, against ${metric}; bars are 95 % intervals over classes.`, timed, {
    x: { title: "minutes", from: first, to: last, of: (p) => Math.log10(p.minutes), ticks: powers, text: (power) => String(Number((10 ** power).toPrecision(1))) },
    y: { title: `${metric} (%)`, from: low, to: high, of: (p) => p.value, ticks: tens(low, high) },
    ends: (p) => p.ends,
  });
}

function tens(from, to) {
  const step = to - from > 50 ? 20 : 10;
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, at) => from + at * step);
}

function chart(place, title, points, { x: across, y: up, below, ends }) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  const svg = make(figure, "svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "group", "aria-label": title });
  const x = (value) => LEFT + ((value - across.from) / (across.to - across.from)) * (WIDE - LEFT - RIGHT);
  const y = (value) => HIGH - BOTTOM - ((value - up.from) / (up.to - up.from)) * (HIGH - BOTTOM - TOP);
  for (const tick of across.ticks) {
    make(svg, "line", { x1: x(tick), x2: x(tick), y1: HIGH - BOTTOM, y2: HIGH - BOTTOM + 4, class: "axis" });
    make(svg, "text", { x: x(tick), y: HIGH - BOTTOM + 16, class: "quiet", "text-anchor": "middle" }, across.text?.(tick) ?? tick);
  }
  for (const tick of up.ticks) {
    make(svg, "line", { x1: LEFT - 4, x2: LEFT, y1: y(tick), y2: y(tick), class: "axis" });
    make(svg, "text", { x: LEFT - 7, y: y(tick) + 4, class: "quiet", "text-anchor": "end" }, tick);
  }
  make(svg, "path", { d: `M${LEFT} ${TOP}V${HIGH - BOTTOM}H${WIDE - RIGHT}`, class: "axis" });
  make(svg, "text", { x: WIDE - RIGHT, y: HIGH - 4, class: "quiet", "text-anchor": "end" }, across.title);
  make(svg, "text", { x: 10, y: TOP, class: "quiet", transform: `rotate(-90 10 ${TOP})`, "text-anchor": "end" }, up.title);
  const several = new Set(points.map((p) => p.dataset)).size > 1;
  const taken = points.map((p) => [x(across.of(p)) - 5, y(up.of(p)) - 5, 10, 10]);
  below?.(svg, x, y, taken);
  for (const p of points) {
    const [left, top] = [x(across.of(p)), y(up.of(p))];
    const name = several ? `${p.label}, ${p.dataset}` : p.label;
    const text = `${name}: ${across.title} ${across.text ? p.minutes.toFixed(2) : p.S.toFixed(1)}, ${up.title} ${up.of(p).toFixed(1)}`;
    const link = make(svg, "g", { class: `point of${p.number % 6}${p.best ? " best" : ""}`, role: "button", tabindex: 0, "aria-label": `${text}. Show its runs` });
    make(link, "title", {}, text);
    const range = ends?.(p);
    if (range) make(link, "line", { x1: left, x2: left, y1: y(range[0]), y2: y(range[1]) });
    make(link, "circle", { cx: left, cy: top, r: 4.5 });
    const open = () => document.getElementById(p.runs).showPopover();
    link.addEventListener("click", open);
    link.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
    const shown = name.length > 26 ? `${name.slice(0, 25)}…` : name;
    const width = shown.length * 6.8;
    // The first place beside the point that is free; without one, the title says the name.
    const spots = [[8, 4], [-8 - width, 4], [-width / 2, -9], [-width / 2, 17], [7, -7], [7, 15], [-7 - width, -7], [-7 - width, 15]];
    const spot = spots.find(([dx, dy]) => {
      const box = [left + dx, top + dy - 10, width, 12];
      return box[0] > LEFT && box[0] + width < WIDE && box[1] > 0 && box[1] + 12 < HIGH - BOTTOM
        && !taken.some((other) => box[0] < other[0] + other[2] && other[0] < box[0] + box[2] && box[1] < other[1] + other[3] && other[1] < box[1] + box[3]);
    });
    if (!spot) continue;
    taken.push([left + spot[0], top + spot[1] - 10, width, 12]);
    make(link, "text", { x: left + spot[0], y: top + spot[1] }, shown);
  }
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(caption);
  place.append(figure);
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

// Commands have a button that copies them.
for (const block of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = block.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block.querySelector("code"));
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  block.before(button);
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
