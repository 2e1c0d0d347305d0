/* What all screens share: elements whose text is only ever text, numbers, addresses. */

/** An element by "tag.class.class"; of what is given, functions listen, --names are style properties, the rest attributes. */
function el(name, given, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key.startsWith("--")) made.style.setProperty(key, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  return put(made, children);
}
/** Append what is there: elements, and strings as text. */
function put(node, ...children) {
  node.append(...children.flat(Infinity).filter(one => typeof one === "string" || one instanceof Node));
  return node;
}

/** Text from outside: a name on a line, or a whole text or conversation; its direction of writing stays its own. */
const named = (text, kind = "") => el("bdi" + kind, null, String(text));
function prose(text, marked = one => [one]) {
  if (text === null || text === undefined) return el("p.absent", null, "not kept");
  if (!Array.isArray(text)) return el("div.text", { dir: "auto" }, text === "" ? el("i.absent", null, "empty") : marked(text));
  return el("div.turns", null, text.map(turn =>
    el("div.turn", null, el("p.role", null, named(turn.role)), el("div.text", { dir: "auto" }, marked(turn.text)))));
}

/** Parts that screens share: a title, a section, a term with what it is, things in a row. */
const title = (...words) => el("h2", { tabindex: -1 }, words);
const section = (heading, ...body) => el("section", null, el("h3", null, heading), body);
const term = (name, ...value) => [el("dt", null, name), el("dd", null, value)];
const joined = (all, between) => all.map((one, k) => [k > 0 && between, one]);

const lacks = value => value === null || value === undefined;
const count = n => lacks(n) ? "unknown" : Number(n).toLocaleString("en");
const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more || one + "s"}`;
const score = x => lacks(x) ? "none" : x.toFixed(2);
const signed = (x, n = 2) => lacks(x) ? "none" : (Number(x.toFixed(n)) ? x < 0 ? "−" : "+" : "") + Math.abs(x).toFixed(n);
const share = x => lacks(x) ? "unknown" : `${(100 * x).toFixed(x > 0 && x < .0995 ? 1 : 0)} %`;
const between = (low, high, as = score) => lacks(low) || lacks(high) ? "" : `${as(low)} to ${as(high)}`;
const money = x => lacks(x) ? "unknown" : x === 0 ? "$0" : x < .01 ? `$${x.toPrecision(2)}` : `$${x.toFixed(2)}`;
const seconds = x => lacks(x) ? "unknown" : x < 100 ? `${x.toFixed(1)} s` : x < 6000 ? `${Math.round(x / 60)} min` : `${(x / 3600).toFixed(1)} h`;

/** An address within the page: a screen, its parts, and a query that says which rows. */
function address(screen, parts = [], query = null) {
  const asked = query ? String(query) : "";
  return "#" + [screen, ...parts].join("/") + (asked ? "?" + asked : "");
}
function parsed(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?");
  const [screen, ...parts] = path.split("/");
  return { screen: screen || "run", parts: parts.map(Number), query: new URLSearchParams(rest.join("?")) };
}
/** A query with some of its parts set; those set to nothing are taken out. */
function but(query, change) {
  const made = new URLSearchParams(query || "");
  for (const [key, value] of Object.entries(change)) lacks(value) || value === "" ? made.delete(key) : made.set(key, value);
  return made;
}
const rowsOf = change => address("grid", [], but(null, change));
const link = (to, ...children) => el("a", { href: to }, ...children);

/** A bar over [0, 1]: the interval as a line, the value as a mark; its number stands beside it as text. */
function track(value, low, high) {
  if (lacks(value)) return el("span.track.none", { "aria-hidden": "true" });
  const line = !lacks(low) && !lacks(high) && el("i.interval", { "--low": Math.max(0, low), "--high": Math.min(1, high) });
  return el("span.track", { "--at": Math.max(0, Math.min(1, value)), "aria-hidden": "true" }, line, el("i.mark"));
}

/** A table whose rows become blocks on a narrow screen, each cell with its heading. */
function table(heads, rows, caption = "") {
  const row = cells => el("tr", null, cells.map((cell, k) => el("td", { "data-head": heads[k] }, el("div", null, cell))));
  return [caption && el("p.lead", null, caption), el("table.stacks", null,
    el("thead", null, el("tr", null, heads.map(head => el("th", { scope: "col" }, head)))), el("tbody", null, rows.map(row)))];
}

const criterionIn = (run, id) => (run.rubric ? run.rubric.criteria : []).find(one => one.id === id);
const say = text => { document.getElementById("said").textContent = text; };

/** What a mark, a reason, a flag or a source means: the page's own list of words says it. */
const meanings = new Map();
function meaning(kind, name) {
  const key = `#words [data-${kind}="${CSS.escape(String(name))}"]`, found = meanings.has(key) || document.querySelector(key);
  if (found !== true) meanings.set(key, { name: found ? found.textContent : String(name), letter: found && found.dataset.letter,
    says: found ? found.nextElementSibling.textContent : "" });
  return meanings.get(key);
}
function chip(mark) {
  const { name, letter, says } = meaning("mark", mark);
  return el(`span.chip.${letter}`, { title: `${name}: ${says}`, "data-mark": mark }, letter);
}
