/* Screen 5, Compare: what differs first, then the paired differences, then each verdict that changed. */

const SHOWN_CHANGES = 100;

function drawCompare(main, data, source, { query }) {
  const { compare } = data, [run, other] = data.runs, limit = Number(query.get("n")) || SHOWN_CHANGES;
  const criterion = query.get("criterion"), to = change => address("compare", [], but(query, change));
  const wide = Math.min(1, Math.max(.05, ...compare.by.flatMap(one => [one.value, one.low, one.high]).filter(x => !lacks(x)).map(Math.abs)) * 1.1);
  const all = compare.changed.map((one, k) => [one, k]).filter(([one]) => !criterion || run.names.criteria[one[2]] === criterion);
  put(main, el("h2", { tabindex: -1 }, named(run.name), " against ", named(other.name)),
    compare.differs.length ? el("div.note.bad", { role: "note" }, el("b", null, "The two runs were not made alike: "),
      "what changed may come from these differences.", el("ul", null, compare.differs.map(one => el("li", null, named(one)))))
      : el("p.note", null, "Rubric, prompts, judges and items are the same in both runs."),
    el("p.lead", null, "Only what both runs judged is compared, each answer with its own counterpart. The difference is ", named(run.name), " less ", named(other.name),
      ": above 0, ", named(run.name), " is higher. An interval without 0 says that chance alone hardly explains it."),
    table(["of", `difference (line from ${signed(-wide)} to ${signed(wide)})`, "95 % interval", "chance of as much if nothing differed", "higher", "lower", "same", "pairs"],
      compare.by.map(one => [ofWhat(one), el("span.measure", null, el("b", null, signed(one.value)), span(one, wide)),
        between(one.low, one.high, signed) || "none", lacks(one.p) ? "" : one.p < .001 ? "below 0.001" : one.p.toFixed(3),
        count(one.better), count(one.worse), count(one.same), count(one.n)])),
    el("h3", null, `${many(all.length, "verdict")} that changed, the largest change first`),
    el("p.chips", null, criterion && ["criterion ", named(criterion), " ", link(to({ criterion: "" }), "show all")],
      !criterion && run.names.criteria.length > 1 && ["only ", run.names.criteria.map((name, k) => [k ? ", " : "", link(to({ criterion: name }), named(name))])]));
  say(`${many(all.length, "verdict")} that changed`);
  put(main, table(["item", "criterion", "judge", "before", "after", "both"], all.slice(0, limit).map(([[unit, , k, rater, before, after], at]) => [
    place(run, unit), named(run.names.criteria[k]), named(nameOf(run.names.raters, rater)), shownValue(before), shownValue(after), link(address("change", [at], query), "Both replies")])));
  if (all.length > limit) put(main, el("p", null, link(to({ n: limit * 5 }), `Show more of ${count(all.length)}`)));
}

const ofWhat = one => one.level === "all" ? "all" : [`${one.level} `, link(rowsOf({ [one.level]: one.name }), named(one.name))];
const shownValue = one => typeof one === "number" ? score(one) : lacks(one) ? "none" : named(one);
const place = (run, unit) => run.units ? [named(run.items[run.units[unit][0]].id), el("div.of", null, named(run.units[unit][1].map(([id]) => id).join(" / ")))] : `row ${unit + 1}`;
/** A difference on an axis as far as the widest of them, zero in the middle. */
function span(one, wide) {
  const at = x => lacks(x) ? null : (1 + Math.max(-1, Math.min(1, x / wide))) / 2, made = track(at(one.value), at(one.low), at(one.high));
  made.classList.add("zero");
  return made;
}

/** One changed verdict: what each run said, its raw reply beside the other's. */
async function drawChange(main, data, source, { parts: [k], query }) {
  const [here, there, criterion, rater] = data.compare.changed[k], units = await Promise.all([source.unit(here, 0), source.unit(there, 1)]);
  const [run] = data.runs, name = run.names.criteria[criterion], judge = nameOf(run.names.raters, rater);
  const own = each => (each.rubric ? each.rubric.criteria : []).find(one => one.id === name), last = data.compare.changed.length - 1;
  put(main, el("h2", { tabindex: -1 }, "Changed: ", named(name)),
    el("p.lead", null, "Item ", link(address("item", [here], but(null, { criterion: name })), named(units[0].item.id)), units[0].responses.map(one => [", ", named(one.id)]),
      ", judged by ", named(judge), ". ", own(run) && named(said(data.texts, own(run).text))),
    el("p.neighbours", null, k > 0 && el("a", { href: address("change", [k - 1], query), rel: "prev" }, "‹ previous"), ` ${count(k + 1)} of ${count(last + 1)} `,
      k < last && el("a", { href: address("change", [k + 1], query), rel: "next" }, "next ›")),
    el("div.pair", null, units.map((unit, j) => el("section", null, el("h3", null, "In ", named(data.runs[j].name)),
      unit.outcomes.filter(one => one.criterion === name && one.rater === judge).map(one => [verdict(one, unit, own(data.runs[j]), null, one.sample > 0),
        el("h4", null, "Raw reply"), one.call && !lacks(one.call.reply) ? el("pre.text", { dir: "auto" }, one.call.reply) : el("p.absent", null, "not kept")])))),
    el("h3", null, "What was judged"), el("div.pair", null, units[0].responses.map(one =>
      el("section.given", null, el("h4", null, "Response ", named(one.id)), prose(one.text)))));
}
