/* Screen 1, Run: what was judged, by whom, what came of it; each number leads to its rows. */

const fact = (number, words, to) => el("p.fact", null, el("b", null, to ? link(to, number) : number), el("span", null, words));
const isPairs = run => run.units && run.units.length ? run.units[0][1].length === 2 : ["compare", "rank"].includes(run.summary.protocol);

async function drawRun(main, data, source) {
  const run = data.runs[0], { first, summary } = run, { counts } = first, pairs = isPairs(run);
  put(main, title("Run ", named(run.name)),
    el("p.lead", null, `${many(counts.units, pairs ? "pair" : "response")} of ${many(counts.items, "item")}, judged by `,
      `${many(Object.keys(first.judges).length, "judge")} on ${many(first.criteria.length, "criterion", "criteria")}: `,
      `${many(counts.outcomes, "answer")} asked for, ${count(counts.verdicts)} given, ${count(counts.abstentions)} not.`),
    el("p.made", null, `judgekit ${data.made.judgekit}, ${data.made.at}`, data.made.command && [": ", el("code", null, named(data.made.command))]),
    run.note && el("p.note", { role: "note" }, named(sentence(run.note))),
    data.left_out && el("p.note", { role: "note" }, el("b", null, "Not all rows are here: "),
      `${count(data.left_out.outcomes)} of ${count(data.left_out.of)} answers are left out. `, data.left_out.why),
    summary.stopped && el("p.note.bad", null, el("b", null, "The run stopped early: "), named(String(summary.stopped))),
    el("div.facts", null, fact(count(counts.units), `${pairs ? "pairs" : "responses"} judged`, address("grid")),
      fact(count(counts.verdicts), "verdicts", rowsOf({ kind: "verdict" })),
      fact(count(counts.abstentions), `answers not obtained (${share(counts.abstentions / counts.outcomes)})`,
        counts.abstentions && rowsOf({ kind: "abstention" })),
      fact(money(first.cost_usd), "price of the calls"), fact(count(first.input_tokens), "tokens read"),
      fact(count(first.output_tokens), "tokens written"), fact(seconds(first.seconds), "from start to end")),
    el("div.halves", null, systems(first, pairs), await worthALook(source, data)), el("h3", null, "Criteria"),
    el("p.lead", null, "Each verdict has a value from 0 (lowest) to 1 (highest). A bar counts the verdicts in one tenth of that range; ",
      "choose a bar, a label or a number to see its rows.",
      pairs && " Of a pair, 1 says that the first of its two responses is better, and 0 the second."),
    el("div.strips", null, first.criteria.map(one => strip(one, run, data.texts, pairs))),
    el("div.halves", null, judges(first), abstentions(first)), agreement(first), kept(run, data.runs[1]));
}

async function worthALook(source, data) {
  const found = await Promise.all(marksIn(data).map(async mark => [mark, (await source.rows(but(null, { mark }), 0, 0)).count]));
  const looks = found.filter(([, n]) => n).map(([mark, n]) => [mark, n, meaning("mark", mark)]).map(([mark, n, { name, says }]) =>
    el("li", null, link(rowsOf({ mark }), el("b", null, count(n)), " ", chip(mark), " ", name), el("span", null, says)));
  return looks.length > 0 && section("Worth a look", el("ul.looks", null, looks));
}

function systems(first, pairs) {
  const rows = first.systems.map(one => {
    const to = one.name ? rowsOf({ system: one.name }) : address("grid");
    return [link(to, one.name ? named(one.name) : "all responses"),
      el("span.measure", null, link(to, el("b", null, score(one.mean))), track(one.mean, one.low, one.high)),
      between(one.low, one.high) || "no interval: too few items", count(one.n), one.missing ? count(one.missing) : "none"];
  });
  const what = pairs ? "Share of its comparisons that a system wins (a tie is half a win)"
    : "Mean score of each system, from 0 (lowest) to 1 (highest)";
  return rows.length > 0 && section("Systems", table(
    ["system", pairs ? "wins" : "mean score", "95 % interval", pairs ? "pairs" : "responses", "without a score"], rows,
    `${what}. The line is the 95 % interval: how far the number could move with other items of this kind.`));
}

const SIDES = { first: "the first is better", tie: "a tie", second: "the second is better" };
function strip(one, run, texts, pairs) {
  const own = criterionIn(run, one.id), asked = one.n + one.abstained, most = Math.max(1, ...one.histogram);
  const rows = change => rowsOf({ criterion: one.id, ...change }), scale = pairs ? Object.keys(SIDES) : own && own.scale.labels || [];
  const labels = Object.entries(one.labels).sort(([a], [b]) => scale.indexOf(a) - scale.indexOf(b));
  const bar = (n, k) => {
    const words = `${many(n, "verdict")} from ${k / 10} to ${(k + 1) / 10}`, drawn = el("i", { "--h": n / most });
    return n ? el("a", { href: rows({ bin: k }), title: words, "aria-label": words }, drawn) : el("span", null, drawn);
  };
  return el("article.strip", null, el("h4", null, link(rows({}), named(one.id))),
    own && el("p.asked", null, named(said(texts, own.text))),
    el("div.middle", null, fact(score(one.mean), `mean of ${many(one.n, "verdict")}`, one.n && rows({ kind: "verdict" })),
      el("figure", null, el("div.bars", null, one.histogram.map(bar)),
        el("div.axis", { "aria-hidden": "true" }, el("span", null, "0"), el("span", null, `tallest ${count(most)}`), el("span", null, "1")))),
    el("ul.labels", null, labels.slice(0, 12).map(([label, n]) => el("li", null,
      link(rows({ label }), named(pairs ? SIDES[label] || label : label)), ` ${count(n)}`)),
    labels.length > 12 && el("li", null, `and ${many(labels.length - 12, "more label")}`)),
    el("ul.words", null, el("li", null, one.abstained ? [link(rows({ kind: "abstention" }), many(one.abstained, "answer")),
        ` of ${count(asked)} not obtained (${share(one.abstained / asked)})`] : `all ${many(asked, "answer")} obtained`),
      !lacks(one.spread_judge) && el("li", null, `judges differ by ${score(one.spread_judge)} (standard deviation between them)`),
      !lacks(one.spread_sample) && el("li", null, `asked again, a judge differs by ${score(one.spread_sample)} from itself`),
      !lacks(one.order_effect) && el("li", null, `order effect ${signed(one.order_effect)}: ${one.order_text || "by the order shown"}`),
      own && !lacks(own.weight) && el("li", null, `weight ${own.weight}`, own.gate && ", a gate: it must hold",
        own.veto && ", a veto: it can zero the score")));
}

function abstentions(first) {
  const rows = Object.entries(first.abstentions).map(([reason, n]) =>
    [link(rowsOf({ reason }), reason), link(rowsOf({ reason }), count(n)), meaning("reason", reason).says]);
  return rows.length > 0 && section("Answers not obtained", table(["reason", "answers", "what it means"], rows));
}

function judges(first) {
  const lines = (of, words) => Object.entries(of || {}).map(([name, value]) => el("div", null, named(name), ": ", named(words(value))));
  return section("Judges", table(["judge", "calls", "model that answered", "settings"],
    Object.entries(first.judges).map(([name, { calls, models, ...settings }]) => [link(rowsOf({ judge: name }), named(name)),
      count(calls), isRule(name) ? "a rule: no model" : joined(Object.keys(models).map(one => named(one)), ", "),
      lines(settings, value => typeof value === "string" ? value : JSON.stringify(value))]),
    "The model is the one that the provider said it used, which may be a newer one than was asked for."));
}

function agreement({ agreement: found }) {
  return found && found.length > 0 && section("Agreement with people", table(
    ["criterion", "judge", "statistic", "value", "95 % interval", "units"], found.map(one => [
      link(rowsOf({ criterion: one.criterion }), named(one.criterion)), link(rowsOf({ judge: one.rater }), named(one.rater)),
      one.name.replaceAll("_", " "), score(one.value), between(one.low, one.high) || "none", count(one.n)]),
    "1 is full agreement with people's labels, 0 is what chance would give."));
}

/** What the run was made from: digests by which two runs can be told apart, and files as far as they are kept. */
function kept({ first, first: { rubric }, inputs, summary }, other) {
  return el("details.sources", null, el("summary", null, "What it was made from"), el("dl", null,
    other && term("compared with", named(other.name)),
    rubric && term("rubric", named(String(rubric.id)), ", digest ", el("code", null, String(rubric.digest || "not kept"))),
    Object.entries(first.prompts || {}).map(([name, digest]) => term(`prompt ${name}`, "digest ", el("code", null, named(String(digest))))),
    Object.entries(inputs || {}).map(([name, one]) => term(name, one.path ? el("code", null, named(one.path)) : "not from a file",
      !one.kept && `; not kept${one.why ? ": " + one.why : ""}`)),
    ["began", "protocol", "samples", "seed"].map(name => !lacks(summary[name]) && term(name, named(String(summary[name]))))));
}
