/* Which screen is shown, the way back, and the keys. */

const SCREENS = { run: drawRun, grid: drawGrid, item: drawItem, call: drawCall, compare: drawCompare, change: drawChange, label: drawLabel };
const NEEDS = { compare: "compare", change: "compare", label: "label" }; // what data a screen cannot do without
const TABS = { run: "Run", grid: "Rows", compare: "Compare", label: "Label" };
const state = { data: null, source: null, drawn: 0, tops: new Map(), shown: null };

/** The screens above one, each with its address: where Escape leads, and what the trail shows. */
function above({ screen, parts: [n, , ...k], query }) {
  const rows = ["Rows", address("grid", [], query)];
  return { item: [rows], call: [rows, ["Item", address("item", [n, ...k], query)]],
    change: [["Changes", address("compare", [], query)]] }[screen] || [["Run", address("run")]];
}

const has = screen => !Object.hasOwn(NEEDS, screen) || state.data[NEEDS[screen]];
async function redraw() {
  const main = document.querySelector("main"), route = parsed(location.hash), mine = ++state.drawn, made = el("div.screen");
  if (!Object.hasOwn(SCREENS, route.screen) || !has(route.screen)) route.screen = "run";
  try { await SCREENS[route.screen](made, state.data, state.source, route); } catch (error) {
    made.replaceChildren(title(error.lost ? "Nothing is here" : "This cannot be shown"), el("p.note.bad", null, named(error.lost || String(error))),
      link(...(error.lost ? [above(route)[0][1], `Back to ${above(route)[0][0]}`] : [address("run"), "To the run"])));
  }
  if (mine !== state.drawn) return; // another screen was asked for meanwhile
  const typed = document.activeElement.matches(".filters [name]") && document.activeElement.name;
  document.body.dataset.screen = route.screen;
  main.replaceChildren(made);
  document.title = plainly(`${made.querySelector("h2").textContent} - ${state.data.title}`);
  document.querySelector("h1").replaceChildren(named(state.data.title)), trail(route);
  const field = typed && made.querySelector(`.filters [name="${typed}"]`);
  if (field) made.querySelector(".filters").open = true;
  (field || made.querySelector(".grid") || made.querySelector("h2")).focus({ preventScroll: true });
  scrollTo(0, state.tops.get(location.hash) || 0);
}

function trail(route) {
  const up = above(route), on = { Rows: "grid", Changes: "compare" }[up[0][0]] || route.screen;
  const here = { item: "Item", call: "Call", change: "Both replies" }[route.screen], current = here ? "true" : "page";
  const tab = name => el("li", null, el("a", { href: address(name), "aria-current": name === on && current }, TABS[name]));
  document.querySelector("nav").replaceChildren(el("ul.tabs", null, Object.keys(TABS).filter(has).map(tab)),
    here ? el("ol.trail", { "aria-label": "Where you are" }, up.map(([name, to]) => el("li", null, link(to, name))),
      el("li", { "aria-current": "page" }, here)) : "");
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog").open) return;
  const { key, target } = event, typing = target.matches("input:not([type=radio]), select"), route = parsed(location.hash);
  const find = what => document.querySelector(`main ${what}`), labels = route.screen === "label", plain = /^[a-z0-9/?]$/.test(key);
  if (typing) return key === "Escape" && (find(".grid") || find("h2")).focus();
  const choice = labels && /^[1-9]$/.test(key) ? document.querySelectorAll("main [type=radio]")[key - 1]
    : plain && labels && find(`[data-key="${key}"]`);
  const step = find({ n: "a[rel=next]", p: "a[rel=prev]" }[key] || "no-step"), to = { r: "run", g: "grid", c: "compare", l: "label" }[key];
  if (key === "?") document.querySelector("dialog").showModal();
  else if (choice || step) (choice || step).click();
  else if (key === "/") search(route);
  else if (key === "Escape" && route.screen !== "run") location.hash = above(route).at(-1)[1];
  else if (to && has(to)) location.hash = address(to);
  else return;
  event.preventDefault();
}

async function search(route) {
  if (route.screen !== "grid") { location.hash = address("grid"); await redraw(); }
  document.querySelector(".filters").open = true;
  document.querySelector(".filters [type=search]").focus();
}

async function begin() {
  state.source = await opened();
  state.data = await state.source.first();
  const dialog = document.querySelector("dialog");
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  document.getElementById("help").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", press);
  document.addEventListener("scroll", () => state.tops.set(location.hash, scrollY), { passive: true });
  document.addEventListener("click", event => { // within a notebook's frame "#..." would be an address of the notebook
    const to = location.protocol === "about:" && event.target.closest("a[href^='#']");
    if (to) { event.preventDefault(); location.hash = to.getAttribute("href"); }
  });
  addEventListener("hashchange", redraw);
  await redraw();
}
begin().catch(error => document.querySelector("main").replaceChildren(
  el("h2", null, "The run cannot be read"), el("p.note.bad", null, named(String(error)))));
