/* Screen 2, Grid: rows by filters that stand in the address; only the rows in view are drawn. */

const SORTS = { "": "as in the run", value: "lowest score first", "-value": "highest score first",
  disagreement: "judges differ most first", entropy: "labels most mixed first", near: "nearest to a threshold first",
  change: "largest change first" };
const FILTERS = { text: "text", criterion: "criterion", judge: "judge", system: "system", label: "label", reason: "reason of no answer",
  flag: "flag", mark: "mark", tag: "tag", kind: "answer", bin: "value", item: "item" };
const KINDS = { verdict: "given", abstention: "not given" };
const left = new Map(); // where a grid was left: address -> scroll and active cell

const wordOf = (key, value) => key === "mark" ? meaning("mark", value).name : key === "kind" ? KINDS[value]
  : key === "bin" ? `${value / 10} to ${(Number(value) + 1) / 10}` : value;

/** Marks that a run can have: pairs alone have orders, and only what is held against another run changed. */
const marksIn = ({ runs: [run], compare }) => run.names.marks.filter(one => one === "changed" ? compare : one !== "order_flipped" || isPairs(run));

function filterBar(data, query, run = data.runs[0]) {
  const go = change => { location.hash = address("grid", [], but(query, change)); }, { names } = run, tags = new Set(names.tags);
  for (const item of run.items || []) if (tags.size < 500) for (const one of Object.entries(item.tags)) tags.add(one.join(":"));
  const choices = { criterion: names.criteria, judge: names.raters, system: names.systems.filter(Boolean), label: names.labels,
    reason: names.reasons, flag: names.flags, mark: marksIn(data), tag: [...tags], kind: Object.keys(KINDS) };
  const few = { reason: 1, flag: 1 }, fits = Object.keys(choices).filter(key => query.get(key) || choices[key].length >= (few[key] || 2));
  const set = Object.keys(FILTERS).filter(key => query.get(key));
  const field = (words, made) => el("label", null, el("span", null, words), made);
  const select = (key, words, all, wordsOf) => field(words, el("select", { name: key, change: event => go({ [key]: event.target.value }) },
    all.map(one => el("option", { value: one, selected: (query.get(key) || "") === one }, wordsOf(one)))));
  const form = el("form", { submit: event => { event.preventDefault(); go({ text: event.target.elements.text.value }); } },
    field("text", el("input", { type: "search", name: "text", value: query.get("text"), placeholder: "in all texts",
      change: event => go({ text: event.target.value }) })),
    fits.map(key => select(key, FILTERS[key], ["", ...choices[key]], one => one === "" ? "any" : wordOf(key, one))),
    select("sort", "order", Object.keys(SORTS).filter(key => key !== "change" || data.compare), one => SORTS[one]),
    query.get("sort") === "near" && field("threshold", el("input", { type: "number", name: "at", min: 0, max: 1, step: .05,
      value: query.get("at") || .5, change: event => go({ at: event.target.value }) })),
    choices.system.length > 1 && run.units && !isPairs(run) &&
      select("by", "columns", ["", "system"], one => one ? "systems" : "criteria"));
  const bar = el("details.filters", { open: innerWidth >= 900 && innerHeight >= 700 },
    el("summary", null, "Filters and order", set.length > 0 && ` (${set.length} set)`), form);
  const without = key => link(address("grid", [], but(query, { [key]: "" })), el("span", { "aria-hidden": "true" }, "×"),
    el("span.unseen", null, `without ${FILTERS[key]}`));
  return [bar, el("ul.set", null, set.map(key =>
    el("li", null, el("span", null, `${FILTERS[key]}: `), named(wordOf(key, query.get(key))), " ", without(key))),
  set.length > 1 && el("li", null, link(address("grid"), "clear all")))];
}

/** What stands in a cell: number, marks, bar with whisker; an empty one says so. */
const measure = (one, name) => [el("span.name", null, named(name)),
  el("span.number", null, lacks(one.value) ? ["–", el("span.unseen", null, " no score")] : score(one.value)),
  el("span.marks", null, one.marks.map(mark => [chip(mark), el("span.unseen", null, ` ${meaning("mark", mark).name} `)])),
  track(one.value, one.low, one.high)];

async function drawGrid(main, data, source, { query }) {
  const run = data.runs[0], bySystem = query.get("by") === "system", noun = bySystem ? "item" : isPairs(run) ? "pair" : "response";
  const columns = bySystem ? run.names.systems : run.names.criteria, heads = bySystem ? ["item"] : [`item and ${noun}`, "score"];
  const { count: n } = await source.rows(query, 0, 0), all = bySystem ? n : run.first.counts.units;
  const told = `${many(n, noun)}${n === all ? "" : ` of ${count(all)}`}`, body = el("div.rows", { role: "rowgroup" });
  const header = el("div.row.heads", { role: "row", "aria-rowindex": 1 }, [...heads, ...columns].map((head, k) =>
    el("div", { role: "columnheader", "aria-colindex": k + 1 }, named(head || "no system named"))));
  const grid = el("div.grid", { role: "grid", tabindex: 0, "aria-rowcount": n + 1, "aria-colcount": heads.length + columns.length,
    "aria-label": `${told}; arrow keys move, Enter opens`, "--columns": columns.length, "--scores": heads.length - 1 }, header, body);
  const legend = marksIn(data).map(mark => [" ", el("span", null, chip(mark), ` ${meaning("mark", mark).name}`)]);
  const blind = query.get("text") && !run.inputs.items.kept && [named(sentence(run.note)), " So a search finds ids and what judges said only. "];
  put(main, title("Rows"), filterBar(data, query),
    el("p.told", null, el("b", null, told), `, ${SORTS[query.get("sort") || ""] || SORTS[""]}. `,
      el("span.legend", null, "The dot is the score, from 0 to 1, its line the interval over judges or samples.", legend)),
    n > 0 ? grid : el("p.note", null, "No row meets all of these conditions. ", blind, link(address("grid"), "Show all rows")));
  say(told);
  if (n) windowed(grid, body, { source, query, n, bySystem, columns, first: heads.length });
}

/** A long name, cut in its middle: those of one test differ at their ends. */
function shortened(text) {
  const all = [...text], part = (kind, from, to) => el(`span.${kind}`, null, all.slice(from, to).join(""));
  return all.length < 28 ? named(text) : el("bdi.cut", null, part("start", 0, -16), part("end", -16));
}

/** The rows in view, drawn anew as the grid scrolls; one active cell, moved by the arrow keys. */
function windowed(grid, body, { source, query, n, bySystem, columns, first }) {
  const here = location.hash, at = left.get(here) || { top: 0, row: 0, column: 0 };
  let height = 0, width = 0, asked = 0, printed = false;
  const row = (one, k) => {
    const to = (unit, criterion) => address("item", [unit, k], criterion ? but(query, { criterion }) : query);
    const cell = (column, href, ...inside) => el("div.cell", { role: "gridcell", id: `cell-${k}-${column}`, "aria-colindex": column + 1 },
      href && el("a", { href, tabindex: -1 }, inside));
    return el("div.row", { role: "row", "aria-rowindex": k + 2, "--k": k },
      cell(0, to(one.unit), el("span.item", { title: one.item, "data-whole": one.item.length >= 28 && one.item }, shortened(one.item)),
        el("span.of", { title: one.responses.join(" / ") }, joined(one.responses.map(id => named(id)), " / "), one.part && [" ", named(one.part)])),
      first > 1 && cell(1, to(one.unit), measure({ ...one, marks: one.marks.filter(mark => mark === "gate") }, "score")),
      columns.map((head, j) => {
        const found = one.cells.find(each => (bySystem ? each.system : each.criterion) === j);
        return cell(first + j, found && to(bySystem ? found.unit : one.unit, bySystem ? "" : head), found && measure(found, head));
      }));
  };
  async function draw() {
    const mine = ++asked, from = printed ? 0 : Math.max(0, Math.floor(grid.scrollTop / (height || 50)) - 10);
    const { rows } = await source.rows(query, from, printed ? 500 : Math.ceil(innerHeight / (height || 50)) + 20);
    if (mine !== asked || !grid.isConnected) return;
    body.replaceChildren(...rows.map((one, k) => row(one, from + k)));
    if (!height) { // the first rows say how high a row is: all have the same cells
      body.style.removeProperty("--row");
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
  const keep = () => left.set(here, { ...at, top: grid.scrollTop });
  function move(rows, cells) {
    at.row = Math.max(0, Math.min(n - 1, at.row + rows));
    at.column = Math.max(0, Math.min(first + columns.length - 1, at.column + cells));
    const top = at.row * height, room = grid.clientHeight - grid.firstChild.offsetHeight - height;
    grid.scrollTop = Math.max(top - room, Math.min(top, grid.scrollTop));
    return keep(), draw();
  }
  grid.addEventListener("keydown", event => {
    const page = Math.max(1, Math.floor(grid.clientHeight / height) - 2), by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1],
      ArrowLeft: [0, -1], PageDown: [page, 0], PageUp: [-page, 0], Home: [-n, 0], End: [n, 0] }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || !(by || event.key === "Enter")) return;
    event.preventDefault();
    if (by) return move(...by);
    show()?.firstChild?.click();
  });
  grid.addEventListener("click", event => { // where one has clicked is where one comes back to
    const cell = event.target.closest(".cell");
    if (cell) [at.row, at.column] = cell.id.split("-").slice(1).map(Number);
    keep();
  });
  grid.addEventListener("scroll", () => requestAnimationFrame(() => { keep(); draw(); }), { passive: true });
  new ResizeObserver(() => {
    if (!grid.isConnected || width === grid.clientWidth) return;
    const need = (15 + (first > 1 ? 8 : 0) + columns.length * 7.5) * parseFloat(getComputedStyle(grid).fontSize);
    grid.classList.toggle("stacked", need > grid.clientWidth);
    [height, width] = [0, grid.clientWidth], draw();
  }).observe(grid);
  const print = event => { printed = event.type === "beforeprint"; if (grid.isConnected) draw(); };
  for (const name of ["beforeprint", "afterprint"]) addEventListener(name, print);
}
