/* Screens 3 and 4. Item: texts, how the score came about, each verdict. Call: what was asked and the raw reply. */

const flagged = flags => flags.map(flag => [flag, meaning("flag", flag).says])
  .map(([flag, says]) => el("li", null, says ? [says, " ", el("code", null, flag)] : named(flag)));
const called = ({ id }) => id === "response" ? "Response" : ["Response ", named(id)]; // an id that nobody gave says nothing
const systemOf = one => one.system && one.system !== one.id && [", by ", named(one.system)];

/** Parts of a text, those that a judge quoted in a mark; what was found but for spaces or signs is sought that way. */
function quoting(outcomes) {
  const quotes = new Set(outcomes.flatMap(one => one.evidence).filter(one => one.found).map(one => one.quote));
  const between = "[\\s\"'“”‘’«»]+", words = quote => quote.split(new RegExp(between)).filter(Boolean);
  const patterns = [...quotes].slice(0, 60).map(words).filter(all => all.length)
    .map(all => new RegExp(all.map(word => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join(between), "gi"));
  return text => {
    const ranges = patterns.flatMap(one => [...text.matchAll(one)].map(found => [found.index, found.index + found[0].length]))
      .sort((a, b) => a[0] - b[0]), parts = [];
    let end = 0;
    for (const [from, to] of ranges) {
      if (to <= end) continue;
      parts.push(text.slice(end, Math.max(from, end)), el("mark", null, text.slice(Math.max(from, end), to)));
      end = to;
    }
    return [...parts, text.slice(end)];
  };
}

async function drawItem(main, data, source, { parts: [n, k], query }) {
  const run = data.runs[0], unit = await source.unit(n), marked = quoting(unit.outcomes), { item, responses } = unit;
  const kind = ["The task", "The response", "The pair"][responses.length];
  const text = (heading, body) => el("section.given", null, el("h3", null, heading), body);
  const order = [...new Set([query.get("criterion"), ...run.names.criteria])]
    .filter(name => unit.outcomes.some(one => one.criterion === name));
  put(main, title("Item ", named(item.id)),
    el("p.lead", null, kind, joined(responses.map(one => [one.id !== "response" && [" ", el("b", null, named(one.id))], systemOf(one)]), " and"),
      unit.part && [", part ", named(unit.part)],
      Object.entries(item.tags).map(one => [" ", link(rowsOf({ tag: one.join(":") }), el("span.tag", null, named(one.join(": "))))])),
    Number.isInteger(k) && await neighbours(source, query, k),
    el("div.sides", null, el("div.texts", null,
        (run.note || item.kept === false) && el("p.note", null, named(sentence(run.note) || "The texts of this item are not in the file of the items.")),
        !lacks(item.task) && text("Task", prose(item.task)),
        el("div.pair", null, responses.map(one => text([called(one), systemOf(one)], prose(one.text, marked)))),
        !lacks(item.reference) && text("A good answer (the reference)", prose(item.reference, marked)),
        item.sources.map(([id, one]) => text(["Source ", named(id)], prose(one, marked)))),
      el("div.found", null, cameAbout(unit, run), order.map(name => criterionOf(name, unit, criterionIn(run, name), data.texts, query,
        outcome => address("call", [n, unit.outcomes.indexOf(outcome), ...(Number.isInteger(k) ? [k] : [])], query))))));
}

async function neighbours(source, query, k) {
  const { count: n, rows } = await source.rows(query, Math.max(0, k - 1), k ? 3 : 2), before = k > 0 && rows[0], after = rows[k ? 2 : 1];
  const to = (row, by) => row && address("item", [row.unit, k + by], query);
  return k < n && steps(`row ${count(k + 1)} of ${count(n)}`, to(before, -1), to(after, 1));
}
const steps = (words, before, after) => el("p.neighbours", null, before && el("a", { href: before, rel: "prev" }, "‹ previous"),
  ` ${words} `, after && el("a", { href: after, rel: "next" }, "next ›"));

/** How the score came about: each criterion's weight, value and contribution, and what else decided. */
function cameAbout(unit, run) {
  const main = unit.scores.find(one => one.level === 2), { unexplained } = unit.explain || {}, told = unexplained ? null : unit.explain;
  if (!main && !told) return null;
  const name = one => nameOf(run.names.criteria, one), { value } = told || main, gate = told ? name(told.gate) : main.gate;
  const bar = (...one) => el("span.measure", null, score(one[0]), track(...one));
  const rows = told ? told.parts.map(([criterion, weight, own, adds, isGate, veto, missing]) => [named(name(criterion)), bar(own),
    lacks(weight) ? "" : String(+weight.toFixed(3)), lacks(adds) ? "nothing" : signed(adds),
    [isGate && "a gate: it must hold", veto && "a veto: it can zero the score", missing && "no verdict"].filter(Boolean).join("; ")])
    : unit.scores.filter(one => one.level === 0).map(one => [named(one.name), bar(one.value, one.low, one.high),
      between(one.low, one.high) || "none", many(one.n, "verdict"), flagged(one.flags)]);
  const interval = main && between(main.low, main.high), sum = told && told.parts.reduce((all, one) => all + (one[3] || 0), 0);
  const heads = ["criterion", "value", ...(told ? ["weight", gate ? "would add" : "adds to the score"] : ["95 % interval", "rests on"]), "notes"];
  const wide = heads.length - !rows.some(row => row.at(-1).length); // nobody needs a column of nothing
  return el("section.came", null, el("h3", null, "How the score came about"),
    fact(score(value), [lacks(value) ? "no score: a criterion has no verdict" : "score, from 0 (lowest) to 1 (highest)",
      interval && `; 95 % interval over judges or samples ${interval}`]),
    gate && el("p.note.bad", null, "The gate ", el("b", null, named(gate)), " did not hold: it alone sets the score."),
    unexplained && el("p.note", null, named(unexplained)), main && main.share < 1 && el("p.note", null, `${share(main.share)} of the weight was judged.`),
    table(heads.slice(0, wide), rows.map(row => row.slice(0, wide))),
    told && !gate && !lacks(value) && el("p.sum", null, `Together ${score(sum)}${told.clipped ? `, cut off at ${score(value)}` : ""}.`));
}

function criterionOf(name, unit, own, texts, query, to) {
  const all = unit.outcomes.filter(one => one.criterion === name), groups = new Map(), pair = unit.responses.length === 2;
  for (const one of all) { // both orders of a pair stand side by side
    const key = pair ? `${one.rater} ${one.sample}` : "";
    groups.has(key) ? groups.get(key).push(one) : groups.set(key, [one]);
  }
  const scored = unit.scores.find(one => one.level === 0 && one.name === name), repeats = all.some(one => one.sample > 0);
  const is = one => ({ judge: one.rater, label: one.label, reason: one.reason, kind: one.reason ? "abstention" : "verdict",
    bin: lacks(one.value) ? "" : String(binOf(one.value)) }), asked = Object.keys(is({})).filter(key => query.get(key));
  const meets = one => asked.length > 0 && (query.get("criterion") || name) === name && asked.every(key => is(one)[key] === query.get(key));
  return el("section.criterion", null, el("h3", null, "Criterion ", named(name)),
    own && el("p.asked", null, named(said(texts, own.text))),
    scored && el("p.scored", null, "Score ", el("b", null, score(scored.value)), ` from ${many(scored.n, "verdict")} `,
      scored.marks.map(mark => [chip(mark), ` ${meaning("mark", mark).name} `])),
    [...groups.values()].map(group => el("div.verdicts", null, group.map(one => verdict(one, unit, own, repeats, to(one), meets(one))))));
}

/** A label in words: of a pair, which response is better. */
const labelWords = (label, { responses }, better = responses.length === 2 && responses[["first", "second"].indexOf(label)]) =>
  better ? [named(better.id), " is better"] : named(label);

function verdict(one, unit, own, repeats, to, meets) {
  const pair = unit.responses.length === 2, labels = (!pair && own && own.scale.labels) || ["second", "tie", "first"];
  const place = label => labels.indexOf(label), last = labels.length - 1;
  const depth = label => place(label) < 0 || !last ? .5 : place(label) / last;
  const probs = [...one.probs].sort(([a], [b]) => place(a) - place(b)), ids = unit.responses.map(each => each.id);
  const shown = Array.isArray(one.shown) ? one.shown : one.shown ? ids.reverse() : ids, line = (...words) => el("p.probs", null, words);
  const given = () => [
    el("p.word", null, labelWords(one.label, unit), el("small", null, ` value ${score(one.value)}`, pair && " (1 first, 0 second)")),
    el("div.labels-bar", { "aria-hidden": "true" }, probs.map(([label, p]) => el("i", { "--p": p, "--depth": depth(label) }))),
    line(probs.length > 1 ? joined(probs.map(([label, p]) => [labelWords(label, unit), ` ${share(p)}`]), ", ") : "all on one label"),
    one.undecided > 0 && line(`cannot tell ${share(one.undecided)}`)];
  const missing = () => [el("p.word", null, "no verdict"),
    el("p", null, meaning("reason", one.reason).says, " ", el("code", null, one.reason)), one.detail && prose(one.detail)];
  return el("article.verdict" + (one.reason ? ".lost" : ""), null, meets && el("p.meets", null, "meets the filters"),
    el("h4", null, named(one.rater), repeats && `, repeat ${one.sample + 1}`),
    pair && el("p.probs", null, "shown in the order ", joined(shown.map(id => named(id)), ", then ")),
    one.reason ? missing() : given(), one.rationale && prose(one.rationale),
    one.evidence.length > 0 && el("ul.quotes", null, one.evidence.map(quoted)),
    !lacks(one.confidence) && line(`says of itself that it is sure to ${share(one.confidence)}`),
    (one.tags || []).length > 0 && line("error tags: ", named(one.tags.join(", "))),
    one.flags.length > 0 && el("ul.words", null, flagged(one.flags)),
    to && el("p.foot", null, one.call ? link(to, "Raw reply and prompt") : isRule(one.rater) ? ruled(one.rater)
      : meaning("source", one.source).says || "no call was made"));
}
const isRule = rater => rater.startsWith("control:"), ruled = rater => ["a rule (", named(rater), "): it asks no model, so there is no reply"];
const HOW = { normalised: ", but for spaces or quotation marks", fuzzy: ", but for a few letters" };
const quoted = ({ quote, where, found, how }) => el("li", null, el(found ? "mark" : "s", null, named(quote)), " ",
  el("small", null, found ? ["found in ", named(where || "the text"), HOW[how]] : "not found in the text"));

/** Screen 4: one call. */
async function drawCall(main, data, source, { parts: [n, i, ...k], query }) {
  const unit = await source.unit(n), outcome = unit.outcomes[i] || lost(`answer ${i} to row ${n}`);
  const { flags } = outcome, call = outcome.call || lost(`call behind answer ${i} to row ${n}`), key = el("code", { id: "key" }, call.key);
  const same = unit.outcomes.filter(one => one.call && one.call.key === call.key);
  put(main, title("Call to ", named(outcome.rater)),
    el("p.lead", null, "Item ", link(address("item", [n, ...k], query), named(unit.item.id)),
      unit.responses.map(one => [", ", named(one.id)])),
    section("Raw reply", call.fault && el("p.note.bad", null, "Fault: ", named(call.fault), call.detail && [", ", named(call.detail)]),
      lacks(call.reply) ? el("p.absent", null, "not kept: there is no reply under this key in the ledger")
        : el("pre.text", { id: "reply", tabindex: 0, dir: "auto" }, call.reply), call.reply === "" && prose("")),
    call.earlier.map(reply => section("The reply before, which could not be read", el("pre.text", { tabindex: 0, dir: "auto" }, reply || "not kept"))),
    section("How it was read", el("p", null, outcome.reason ? "no verdict" : meaning("source", outcome.source).says,
      flags.includes("mended") && "; its form was mended first", call.attempt > 1 && "; this is the reply to a second asking"),
    el("div.verdicts", null, same.map(one => el("div", null, el("h4", null, named(one.criterion)),
      verdict(one, unit, criterionIn(data.runs[0], one.criterion), one.sample > 0))))),
    section("The call", el("dl", null, term("model that answered", named(call.model || "not known")),
      term("tokens", `${count(call.input_tokens)} read, ${count(call.output_tokens)} written`),
      term("price", money(call.cost_usd)), term("time", seconds(call.seconds)), term("requests", count(call.tries)),
      term("from the ledger", lacks(call.stored) ? "not known" : call.stored ? "yes, it cost nothing" : "no, it was asked in this run"),
      term("key in the ledger", key, " ", el("button.quiet", { type: "button", click: () => copy(key) }, "Copy the key")))),
    section("Prompt as sent", prose(call.prompt)));
}

async function copy(node) {
  try { await navigator.clipboard.writeText(node.textContent); say("Copied."); }
  catch { getSelection().selectAllChildren(node); say("The key is selected; copy it with Ctrl+C."); }
}
