/* Which screen is shown, the way back, and the keys. */

const SCREENS = { run: drawRun, grid: drawGrid, item: drawItem, call: drawCall, compare: drawCompare, change: drawChange, label: drawLabel };
const TABS = { run: "Run", grid: "Rows", compare: "Compare", label: "Label" };
const KEYS = [["?", "this list"], ["Tab, Shift+Tab", "from one thing to the next"], ["arrow keys, Page, Home, End", "move in the rows"],
  ["Enter", "open what is chosen"], ["Escape", "one step up: from a call to its item, to the rows, to the run"], ["n, p", "next, previous row or question"],
  ["r, g, c, l", "Run, Rows, Compare, Label"], ["/", "search in the texts"], ["1 to 9, 0", "answer a question, leave it open"], ["s", "save the answers"],
  ["Alt+Left", "back, as in any page"]];
const state = { data: null, source: null, drawn: 0 };

/** The screens above one, as an address: where Escape leads. */
function above({ screen, parts: [n, i, k], query }) {
  return { call: () => address("item", [n, k || 0], query), item: () => address("grid", [], query), change: () => address("compare", [], query) }[screen]
    || (() => address("run"));
}

async function redraw() {
  const main = document.querySelector("main"), route = parsed(location.hash), mine = ++state.drawn;
  if (!SCREENS[route.screen] || (["compare", "change"].includes(route.screen) && !state.data.compare) || (route.screen === "label" && !state.data.label)) route.screen = "run";
  const made = el("div.screen");
  try { await SCREENS[route.screen](made, state.data, state.source, route); } catch (error) {
    made.replaceChildren(el("h2", { tabindex: -1 }, "This cannot be shown"), el("p.note.bad", null, named(String(error))), el("p", null, link(address("run"), "Back to the run")));
  }
  if (mine !== state.drawn) return; // another screen was asked for meanwhile
  document.body.dataset.screen = route.screen;
  main.replaceChildren(made);
  trail(route);
  const grid = made.querySelector(".grid");
  (route.screen === "grid" && grid && !state.typed ? grid : made.querySelector("h2")).focus({ preventScroll: true });
  scrollTo(0, state.tops.get(location.hash) || 0);
}
state.tops = new Map();

function trail(route) {
  const on = { item: "grid", call: "grid", change: "compare" }[route.screen] || route.screen;
  const tabs = Object.entries(TABS).filter(([name]) => !["compare", "label"].includes(name) || state.data[name]);
  const step = (name, to) => el("li", null, to ? link(to, name) : el("span", { "aria-current": "page" }, name)), up = above(route)();
  document.querySelector("nav").replaceChildren(
    el("ul.tabs", null, tabs.map(([name, words]) => el("li", null, el("a", { href: address(name), "aria-current": name === on ? (name === route.screen ? "page" : "true") : null }, words)))),
    ["item", "call", "change"].includes(route.screen) && el("ol.trail", { "aria-label": "Where you are" },
      route.screen === "call" && [step("Rows", address("grid", [], route.query)), step("Item", up), step("Call")],
      route.screen === "item" && [step("Rows", up), step("Item")], route.screen === "change" && [step("Changes", up), step("Both replies")]) || "");
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog").open) return;
  const typing = event.target.matches("input:not([type=radio]), select, textarea"), route = parsed(location.hash);
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing) return;
  const to = { r: "run", g: "grid", c: state.data.compare && "compare", l: state.data.label && "label" }[event.key];
  const button = route.screen === "label" && document.querySelector(`main [data-key="${/^[a-z0-9]$/.test(event.key) ? event.key : ""}"]`);
  const choice = route.screen === "label" && /^[1-9]$/.test(event.key) && document.querySelectorAll("main [type=radio]")[event.key - 1];
  const way = { n: "a[rel=next]", p: "a[rel=prev]" }[event.key], step = way && document.querySelector(way);
  if (event.key === "?") document.querySelector("dialog").showModal();
  else if (choice) choice.click();
  else if (button) button.click();
  else if (step) step.click();
  else if (event.key === "/") { state.typed = true; location.hash = route.screen === "grid" ? location.hash : address("grid"); search(); }
  else if (event.key === "Escape" && route.screen !== "run") location.hash = above(route)();
  else if (to) location.hash = address(to);
  else return;
  event.preventDefault();
}

function search(tries = 20) {
  const field = document.querySelector("main input[type=search]");
  if (!field) return tries && setTimeout(search, 50, tries - 1);
  field.closest("details").open = true;
  field.focus();
  state.typed = false;
}

async function begin() {
  state.source = await opened();
  state.data = await state.source.first();
  const dialog = document.querySelector("dialog");
  dialog.querySelector("tbody").append(...KEYS.map(([key, words]) => el("tr", null, el("td", null, el("kbd", null, key)), el("td", null, words))));
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  document.getElementById("help").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", press);
  document.addEventListener("scroll", () => state.tops.set(location.hash, scrollY), { passive: true });
  addEventListener("hashchange", redraw);
  await redraw();
}
begin().catch(error => document.querySelector("main").replaceChildren(
  el("h2", null, "The run cannot be read"), el("p.note.bad", null, named(String(error)))));
