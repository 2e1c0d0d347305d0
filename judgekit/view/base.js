/* What all screens share: elements whose text is only ever text, numbers, addresses. */

/** An element by "tag.class.class"; of what is given, functions listen, --names are style properties, the rest attributes. */
function el(name, given, ...children) {
  const [tag, ...classes] = name.split("."), made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key.startsWith("--")) made.style.setProperty(key, value);
    else made.setAttribute(key, value === true ? "" : SHOWN.has(key) ? plainly(String(value)) : value);
  }
  return put(made, children);
}
/** Append what is there: elements, and strings as text, in which what would act unseen is seen: overrides of direction, signs of no
    width, controls. The sign itself stays in a box of its own, so that what is copied is what was judged. */
function put(node, ...children) {
  const shown = one => one instanceof Node ? one : node.tagName === "OPTION" ? plainly(one) : one.split(UNSEEN).map((part, k) =>
    k % 2 ? el("span.unseen-sign", { "data-code": codeOf(part) }, document.createTextNode(part)) : document.createTextNode(part));
  node.append(...children.flat(Infinity).filter(one => typeof one === "string" || one instanceof Node).flatMap(shown));
  return node;
}
const SHOWN = new Set(["title", "aria-label", "data-head", "data-whole"]); // attributes that are read
const UNSEEN = new RegExp("(?![\\t\\n\\r\\u0600-\\u0605\\u06dd]|(?<=[\\p{Extended_Pictographic}\\p{EMod}\\ufe0f])\\u200d(?=\\p{Extended_Pictographic}))" +
  "([\\p{Cf}\\p{Cc}\\p{Zl}\\p{Zp}\\u034f\\u115f\\u1160\\u3164\\uffa0\\u{e0100}-\\u{e01ef}])", "gu"); // a joined emoji is none
const codeOf = sign => "U+" + sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
const plainly = text => text.replace(UNSEEN, codeOf);

/** Text from outside: a name on a line, or a whole text or conversation; its direction of writing stays its own. */
const named = (text, kind = "") => el("bdi" + kind, null, String(text));
function prose(text, marked = one => [one]) {
  if (lacks(text) || !text.length) return el("p.absent", null, lacks(text) ? "not kept" : "(empty)");
  if (!Array.isArray(text)) return el("div.text", { dir: "auto" }, marked(text));
  return el("div.turns", null, text.map(turn => el("div.turn", null, el("p.role", null, named(turn.role)), prose(turn.text, marked))));
}

/** Parts that screens share: a title, a section, a term with what it is, things in a row. */
const title = (...words) => el("h2", { tabindex: -1 }, words);
const section = (heading, ...body) => el("section", null, el("h3", null, heading), body);
const term = (name, ...value) => [el("dt", null, name), el("dd", null, value)];
const sentence = text => text && text[0].toUpperCase() + text.slice(1) + ".";
const lost = what => { throw { lost: `There is no ${what} in this run.` }; }; // an address that leads nowhere
const joined = (all, between) => all.map((one, k) => [k > 0 && between, one]);

const lacks = value => value === null || value === undefined;
const count = n => lacks(n) ? "not known" : Number(n).toLocaleString("en");
const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more || one + "s"}`;
const score = x => lacks(x) ? "none" : x.toFixed(3);
const signed = x => lacks(x) ? "none" : (Number(x.toFixed(3)) ? x < 0 ? "−" : "+" : "") + Math.abs(x).toFixed(3);
const share = x => lacks(x) ? "not known" : `${(100 * x).toFixed(x > 0 && x < .0995 ? 1 : 0)} %`;
const between = (low, high, as = score) => lacks(low) || lacks(high) ? "" : `${as(low)} to ${as(high)}`;
const money = x => lacks(x) ? "not known" : x === 0 ? "$0" : x < .01 ? `$${x.toPrecision(2)}` : `$${x.toFixed(2)}`;
const seconds = x => lacks(x) ? "not known" : x < 100 ? `${x.toFixed(1)} s` : x < 6000 ? `${Math.round(x / 60)} min` : `${(x / 3600).toFixed(1)} h`;

/** An address within the page: a screen, its parts, and a query that says which rows. */
const address = (screen, parts = [], query = "") => "#" + [screen, ...parts].join("/") + (query && String(query) ? `?${query}` : "");
function parsed(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?"), [screen, ...parts] = path.split("/");
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
const chip = (mark, { name, letter, says } = meaning("mark", mark)) =>
  el(`span.chip.${letter}`, { title: `${name}: ${says}`, "data-mark": mark }, letter);
