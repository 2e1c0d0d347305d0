/* Screen 5, Compare: what differs first, then the paired differences, then each verdict that changed. */

async function drawCompare(main, data, source, { query }) {
  const { compare, runs: [run, other] } = data, limit = Number(query.get("n")) || 100, only = query.get("criterion");
  const to = change => address("compare", [], but(query, change));
  const ends = compare.by.flatMap(one => [one.value, one.low, one.high]).filter(x => !lacks(x)).map(Math.abs);
  const wide = Math.min(1, Math.max(.05, ...ends) * 1.1), at = x => lacks(x) ? null : (1 + Math.max(-1, Math.min(1, x / wide))) / 2;
  const all = compare.changed.map((one, k) => [one, k]).filter(([one]) => !only || run.names.criteria[one[2]] === only);
  const some = all.slice(0, limit), units = await Promise.all(some.map(([[a, b]]) => Promise.all([source.unit(a), source.unit(b, 1)])));
  const differences = compare.by.map(one => {
    const line = track(at(one.value), at(one.low), at(one.high)), to = rowsOf({ [one.level]: one.name });
    line.classList.add("zero");
    return [one.level === "all" ? "all" : [`${one.level} `, link(to, named(one.name))],
      el("span.measure", null, el("b", null, signed(one.value)), line), between(one.low, one.high, signed) || "none",
      lacks(one.p) ? "none" : one.p < .001 ? "below 0.001" : one.p.toFixed(3), [one.better, one.worse, one.same].map(count).join(" / ")];
  });
  put(main, title(named(run.name), " against ", named(other.name)),
    compare.differs.length ? el("div.note.bad", { role: "note" }, el("b", null, "The two runs were not made alike: "),
      "what changed may come from this.", el("ul", null, compare.differs.map(one => el("li", null, named(one)))))
      : el("p.note", null, "As far as the runs say, rubric, prompts, judges and items are the same in both runs."),
    el("p.lead", null, "Only what both runs judged is compared, each answer with its own counterpart. The difference is ", named(run.name),
      " less ", named(other.name), ": above 0, ", named(run.name), " is higher. An interval without 0 says that chance alone hardly explains it."),
    table(["of", "difference", "95 % interval", "chance of as much if nothing differed", "higher / lower / same"], differences,
      `The lines reach from ${signed(-wide)} to ${signed(wide)}. On the right, how many scores are higher, lower, and the same.`),
    el("h3", null, `${many(all.length, "verdict")} that changed, the largest change first`),
    run.names.criteria.length > 1 && el("p", null, only ? ["criterion ", named(only), ": ", link(to({ criterion: "" }), "show all")]
      : ["only ", joined(run.names.criteria.map(name => link(to({ criterion: name }), named(name))), ", ")]),
    table(["item", "criterion", "judge", `before, in ${other.name}`, `after, in ${run.name}`, "replies"],
      some.map(([[, , k, rater, ...values], j], n) => [where(units[n][0]), named(run.names.criteria[k]), named(nameOf(run.names.raters, rater)),
        ...values.map((one, side) => [score(one), " ", labelsOf(units[n][1 - side], run.names.criteria[k], nameOf(run.names.raters, rater))]),
        link(address("change", [j], query), "Both replies")])),
    all.length > limit && el("p", null, link(to({ n: limit * 5 }), `Show more of ${count(all.length)}`)));
  say(`${many(all.length, "verdict")} that changed`);
}

/** The labels behind a value, of all its repeats. */
function labelsOf(unit, criterion, rater) {
  const own = unit.outcomes.filter(one => one.criterion === criterion && one.rater === rater && !lacks(one.label)).map(one => one.label);
  return el("small", null, joined([...new Set(own)].slice(0, 5).map(label => labelWords(label, unit)), ", "));
}
const where = ({ item, responses }) => [named(item.id), el("div.of", null, joined(responses.map(one => named(one.id)), " / "))];

/** One changed verdict: what each run said, its raw reply beside the other's. */
async function drawChange(main, data, source, { parts: [k], query }) {
  const { compare: { changed }, runs } = data, [here, there, criterion, rater] = changed[k] || lost(`change ${k}`);
  const units = [await source.unit(here, 0), await source.unit(there, 1)], [unit] = units, name = runs[0].names.criteria[criterion];
  const judge = nameOf(runs[0].names.raters, rater), own = criterionIn(runs[0], name);
  const replies = (one, j) => one.outcomes.filter(each => each.criterion === name && each.rater === judge).map(each => [
    verdict(each, one, criterionIn(runs[j], name), each.sample > 0), el("h4", null, "Raw reply"),
    each.call?.reply ? el("pre.text", { dir: "auto" }, each.call.reply) : isRule(judge) ? el("p", null, ruled(judge)) : prose(each.call?.reply)]);
  put(main, title("Changed: ", named(name)),
    el("p.lead", null, "Item ", link(address("item", [here], but(null, { criterion: name })), named(unit.item.id)),
      unit.responses.map(one => [", ", named(one.id)]), ", judged by ", named(judge), ". ", own && named(said(data.texts, own.text))),
    steps(`change ${count(k + 1)} of ${count(changed.length)}`, k > 0 && address("change", [k - 1], query),
      k < changed.length - 1 && address("change", [k + 1], query)),
    el("div.pair", null, [1, 0].map(j => section([j ? "Before, in " : "After, in ", named(runs[j].name)], replies(units[j], j)))),
    section("What was judged", el("div.pair", null, unit.responses.map(one =>
      el("section.given", null, el("h4", null, called(one)), prose(one.text))))));
}
