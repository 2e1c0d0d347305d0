/* Screen 2, Grid: rows by filters that stand in the address; only the rows in view are drawn. */

const SORTS = { "": "as in the run", value: "lowest score first", "-value": "highest score first",
  disagreement: "judges differ most first", entropy: "labels most mixed first", near: "nearest to a threshold first",
  change: "largest change first" };
const FILTERS = { criterion: "criterion", judge: "judge", system: "system", label: "label", reason: "reason of no answer", flag: "flag",
  mark: "mark", tag: "tag", kind: "answer", bin: "value", item: "item", text: "text" };
const left = new Map(); // where a grid was left: address -> scroll and active cell

function choicesOf(run) {
  const { names } = run, tags = new Set();
  for (const item of run.items || []) if (tags.size < 500) for (const one of Object.entries(item.tags || {})) tags.add(one.join(":"));
  return { criterion: names.criteria, judge: names.raters, system: names.systems.filter(Boolean), label: names.labels,
    reason: names.reasons, flag: names.flags, mark: names.marks, tag: names.tags || [...tags], kind: ["verdict", "abstention"] };
}
const wordOf = (key, value) => key === "mark" && MARKS[value] ? MARKS[value][1] : key === "kind" ? { verdict: "given", abstention: "not given" }[value]
  : key === "bin" ? `${value / 10} to ${(Number(value) + 1) / 10}` : value;

function filterBar(run, query, compared) {
  const go = change => { location.hash = address("grid", [], but(query, change)); };
  const select = (key, choices, words) => el("label", null, el("span", null, key === "sort" ? "order" : key === "by" ? "columns" : FILTERS[key]),
    el("select", { name: key, change: event => go({ [key]: event.target.value }) },
      choices.map(one => el("option", { value: one, selected: (query.get(key) || "") === one }, words(one)))));
  const choices = choicesOf(run), fits = Object.keys(choices).filter(key => choices[key].length > 1 || query.get(key) ||
    (choices[key].length && ["reason", "flag"].includes(key)));
  const set = Object.keys(FILTERS).filter(key => query.get(key)), sorts = Object.keys(SORTS).filter(key => key !== "change" || compared);
  const bar = el("details.filters", null, el("summary", null, "Filters and order", set.length ? ` (${set.length} set)` : ""),
    el("form", { submit: event => { event.preventDefault(); go({ text: event.target.elements.text.value }); } },
      el("label.wide", null, el("span", null, "text"), el("input", { type: "search", name: "text", value: query.get("text") || "",
        placeholder: "in tasks, responses, rationales", change: event => go({ text: event.target.value }) })),
      fits.map(key => select(key, ["", ...choices[key]], one => one === "" ? "any" : wordOf(key, one))),
      select("sort", sorts, one => SORTS[one]), query.get("sort") === "near" && el("label", null, el("span", null, "threshold"),
        el("input", { type: "number", name: "at", min: 0, max: 1, step: .05, value: query.get("at") || .5, change: event => go({ at: event.target.value }) })),
      choices.system.length > 1 && run.units && !isPairs(run) &&
        select("by", ["", "system"], one => one ? "systems (a row an item)" : "criteria (a row a response)")));
  bar.open = innerWidth >= 900 && innerHeight >= 700;
  const chips = el("ul.set", null, set.map(key => el("li", null, el("span", null, `${FILTERS[key]}: `), named(wordOf(key, query.get(key))),
    " ", link(address("grid", [], but(query, { [key]: "" })), el("span", { "aria-hidden": "true" }, "×"),
      el("span.unseen", null, `without ${FILTERS[key]}`)))),
  set.length > 1 && el("li", null, link(address("grid"), "clear all")));
  return [bar, chips];
}

/** What stands in a cell: number, bar with whisker, marks; an empty one says so. */
const measure = (one, name) => [name && el("span.name", null, named(name)),
  el("span.number", null, lacks(one.value) ? el("span", null, "–", el("span.unseen", null, " no score")) : score(one.value)),
  el("span.marks", null, one.marks.map(mark => [chip(mark), el("span.unseen", null, ` ${MARKS[mark][1]} `)])), track(one.value, one.low, one.high)];

async function drawGrid(main, data, source, { query }) {
  const run = data.runs[0], bySystem = query.get("by") === "system", columns = bySystem ? run.names.systems : run.names.criteria;
  const heads = bySystem ? ["item"] : [isPairs(run) ? "item and pair" : "item and response", "score"];
  const { count: n } = await source.rows(query, 0, 0), all = run.first.counts.units, noun = bySystem ? "item" : isPairs(run) ? "pair" : "response";
  const told = `${many(n, noun)}${bySystem || n === all ? "" : ` of ${count(all)}`}`;
  const body = el("div.rows", { role: "rowgroup" });
  const header = el("div.row.heads", { role: "row", "aria-rowindex": 1 }, [...heads, ...columns].map((head, k) =>
    el("div", { role: "columnheader", "aria-colindex": k + 1 }, named(head || "no system named"))));
  const grid = el("div.grid", { role: "grid", tabindex: 0, "aria-rowcount": n + 1, "aria-colcount": heads.length + columns.length,
    "aria-label": `${told}; arrow keys move, Enter opens`, "--columns": columns.length, "--heads": heads.length }, header, body);
  put(main, el("h2", { tabindex: -1 }, "Rows"), ...filterBar(run, query, data.compare),
    el("p.told", null, el("b", null, told), `, ${SORTS[query.get("sort") || ""] || "as in the run"}. `, legend(run)),
    grid, n === 0 && el("p.note", null, "No row meets all of these conditions. ", link(address("grid"), "Show all rows")));
  say(told);
  window_(grid, body, { source, query, n, bySystem, columns, first: heads.length });
}

const legend = run => el("span.legend", null, "A dot is the score, its line the interval over judges or samples. ",
  run.names.marks.filter(mark => mark !== "changed").map(mark => [" ", el("span", null, chip(mark), ` ${MARKS[mark][1]}`)]));

/** The rows in view, drawn anew as the grid scrolls; one active cell, moved by the arrow keys. */
function window_(grid, body, { source, query, n, bySystem, columns, first }) {
  const here = location.hash, at = left.get(here) || { top: 0, row: 0, column: 0 };
  let height = 0, asked = 0, printed = false;
  const need = 15 + (first > 1 ? 8 : 0) + columns.length * 7.5; // rem
  const layout = () => {
    const size = parseFloat(getComputedStyle(document.documentElement).fontSize);
    grid.classList.toggle("stacked", need * size > grid.clientWidth);
    height = 0;
  };
  const row = (one, k) => {
    const to = (unit, criterion) => address("item", [unit, k], but(query, criterion ? { criterion } : {}));
    const cell = (column, ...inside) => el("div.cell", { role: "gridcell", id: `cell-${k}-${column}`, "aria-colindex": column + 1 }, inside);
    const open = (href, ...inside) => el("a", { href, tabindex: -1 }, inside);
    const name = one.responses.length ? one.responses.join(" / ") + (one.part ? ` (${one.part})` : "") : one.part || "";
    const cells = columns.map((head, j) => {
      const found = one.cells.find(each => (bySystem ? each.system : each.criterion) === j);
      return cell(first + j, found && open(to(bySystem ? found.unit : one.unit, bySystem ? "" : head), measure(found, head)));
    });
    return el("div.row", { role: "row", "aria-rowindex": k + 2, "--k": k },
      cell(0, open(to(one.unit), el("span.item", null, named(one.item)), name && el("span.of", null, named(name)))),
      first > 1 && cell(1, open(to(one.unit), measure({ ...one, marks: one.marks.filter(mark => mark === "gate" || mark === "changed") }, "score"))), cells);
  };
  async function draw() {
    const mine = ++asked, from = printed ? 0 : Math.max(0, Math.floor(grid.scrollTop / (height || 50)) - 10);
    const { rows } = await source.rows(query, from, printed ? 500 : Math.ceil(innerHeight / (height || 50)) + 20);
    if (mine !== asked || !grid.isConnected) return;
    body.replaceChildren(...rows.map((one, k) => row(one, from + k)));
    if (!height && rows.length) { // the first rows say how high a row is: all have the same cells
      height = Math.max(...[...body.children].map(one => one.offsetHeight));
      body.style.setProperty("--row", `${height}px`);
      body.style.height = `${height * n}px`;
      if (at.top) { grid.scrollTop = at.top; return draw(); }
    }
    show();
  }
  function show() {
    for (const old of body.querySelectorAll(".active")) old.classList.remove("active");
    const cell = document.getElementById(`cell-${at.row}-${at.column}`);
    if (cell) { cell.classList.add("active"); grid.setAttribute("aria-activedescendant", cell.id); }
    return cell;
  }
  async function move(rows, cells) {
    at.row = Math.max(0, Math.min(n - 1, at.row + rows));
    at.column = Math.max(0, Math.min(first + columns.length - 1, at.column + cells));
    const head = grid.firstChild.offsetHeight, top = at.row * height, room = grid.clientHeight - head - height;
    if (grid.scrollTop > top) grid.scrollTop = top;
    if (grid.scrollTop < top - room) grid.scrollTop = top - room;
    await draw();
  }
  const page = () => Math.max(1, Math.floor(grid.clientHeight / height) - 2);
  grid.addEventListener("keydown", event => {
    const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], PageDown: [page(), 0], PageUp: [-page(), 0],
      Home: [-n, 0], End: [n, 0] }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (by) { event.preventDefault(); move(...by); }
    const cell = event.key === "Enter" && show();
    if (cell && cell.firstChild) { event.preventDefault(); keep(); cell.firstChild.click(); }
  });
  const keep = () => left.set(here, { ...at, top: grid.scrollTop });
  grid.addEventListener("click", event => { // where one has clicked is where one comes back to
    const cell = event.target.closest(".cell");
    if (cell) { [at.row, at.column] = cell.id.split("-").slice(1).map(Number); keep(); }
  });
  grid.addEventListener("scroll", () => requestAnimationFrame(() => { keep(); draw(); }), { passive: true });
  const watch = new ResizeObserver(() => grid.isConnected ? (layout(), draw()) : watch.disconnect());
  watch.observe(grid);
  for (const [name, on] of [["beforeprint", true], ["afterprint", false]]) addEventListener(name, () => {
    if (grid.isConnected) { printed = on; draw(); }
  });
}
