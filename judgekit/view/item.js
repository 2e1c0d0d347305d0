/* Screens 3 and 4. Item: texts, how the score came about, each verdict. Call: what was asked and the raw reply. */

const FLAGS = {
  mended: "the JSON of the reply was mended before it was read", reasked: "asked a second time, as the first reply could not be read",
  no_logprobs: "no probabilities came with the reply", low_mass: "much of the probability lay outside the labels",
  unfounded: "it quotes words that are not in the text", substitute: "given by a substitute judge",
  unknown_id: "it named a response that does not exist", no_valid_answer: "no valid answer", fewer_ideas: "fewer ideas than asked for",
  empty_response: "the response is empty; nobody was asked", single_order: "asked in one order only", order_lost: "one of the two orders is missing",
  few_judges: "few judges",
};
const SOURCES = { text: "from the words of the reply", logprob: "from the probabilities of the first token of the answer",
  decision: "from probabilities that the judge gave itself", sample: "from repeats", human: "by a person", control: "by a rule that costs nothing" };
const flagged = flags => flags.map(flag => el("li", null, named(FLAGS[flag] || flag), FLAGS[flag] && el("code", null, ` ${flag}`)));

/** Parts of a text, those that a judge quoted in a mark; what was found but for spaces or signs is sought that way. */
function quoting(outcomes) {
  const quotes = [...new Set(outcomes.flatMap(one => one.evidence).filter(one => one.found && one.quote).map(one => one.quote))];
  const patterns = quotes.slice(0, 60).map(quote => quote.trim().split(/[\s"'“”‘’«»]+/).filter(Boolean)
    .map(word => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("[\\s\"'“”‘’«»]+")).filter(Boolean).map(one => new RegExp(one, "gi"));
  return text => {
    const ranges = patterns.flatMap(one => [...text.matchAll(one)].map(found => [found.index, found.index + found[0].length]))
      .sort((a, b) => a[0] - b[0] || b[1] - a[1]), parts = [];
    let end = 0;
    for (const [from, to] of ranges) {
      if (to <= end) continue;
      parts.push(text.slice(end, Math.max(from, end)), el("mark", null, text.slice(Math.max(from, end), to)));
      end = to;
    }
    return [...parts, text.slice(end)];
  };
}

const systemOf = one => one.system && one.system !== one.id ? [", by ", named(one.system)] : null;
const kindOf = unit => unit.responses.length > 1 ? "pair" : unit.responses.length ? "response" : "task";

async function drawItem(main, data, source, { parts: [n, k], query }) {
  const run = data.runs[0], unit = await source.unit(n), marked = quoting(unit.outcomes), criteria = run.rubric ? run.rubric.criteria : [];
  const text = (title, body, kind = "section") => el(`${kind}.given`, null, el("h3", null, title), body);
  const order = [...new Set([query.get("criterion"), ...run.names.criteria])].filter(name => unit.outcomes.some(one => one.criterion === name));
  put(main,
    el("h2", { tabindex: -1 }, "Item ", named(unit.item.id)),
    el("p.lead", null, unit.responses.length ? `The ${kindOf(unit)} ` : "The task", unit.responses.map((one, j) => [j ? " and " : "", el("b", null, named(one.id)), systemOf(one)]),
      unit.part ? [", part ", named(unit.part)] : "", Object.entries(unit.item.tags || {}).map(one => [" ",
        link(rowsOf({ tag: one.join(":") }), el("span.tag", null, named(one.join(": "))))])),
    await neighbours(source, query, k),
    el("div.sides", null,
      el("div.texts", null,
        unit.item.kept === false && el("p.note", null, "The texts of this item were not kept with the run."),
        lacks(unit.item.task) ? null : text("Task", prose(unit.item.task)),
        el(unit.responses.length > 1 ? "div.pair" : "div", null, unit.responses.map(one =>
          text(["Response ", named(one.id), systemOf(one)], prose(one.text, marked)))),
        lacks(unit.item.reference) ? null : text("A good answer (the reference)", prose(unit.item.reference, marked)),
        unit.item.sources.map(([id, one]) => text(["Source ", named(id)], prose(one, marked)))),
      el("div.found", null, cameAbout(unit, run), order.map(name => criterionOf(name, unit, criteria.find(one => one.id === name), data.texts,
        outcome => address("call", [n, unit.outcomes.indexOf(outcome), k || 0], query), run)))));
}

async function neighbours(source, query, k) {
  if (!Number.isInteger(k)) return null;
  const { count: n, rows } = await source.rows(query, Math.max(0, k - 1), k ? 3 : 2), to = (row, at) => address("item", [row.unit, at], query);
  const before = k ? rows[0] : null, after = rows[k ? 2 : 1];
  return el("p.neighbours", null, before && el("a", { href: to(before, k - 1), rel: "prev" }, "‹ previous"), ` ${count(k + 1)} of ${many(n, "row")} `,
    after && el("a", { href: to(after, k + 1), rel: "next" }, "next ›"));
}

/** How the score came about: each criterion's weight, value and contribution, and what else decided. */
function cameAbout(unit, run) {
  const main = unit.scores.find(one => one.level === 2), told = unit.explain, name = one => nameOf(run.names.criteria, one);
  if (!main && !told) return null;
  const value = told ? told.value : main.value, gate = told ? name(told.gate) : main.gate;
  const parts = told ? told.parts.map(([criterion, weight, own, adds, isGate, veto, missing]) => [named(name(criterion)),
    el("span.measure", null, lacks(own) ? "none" : score(own), track(own)), lacks(weight) ? "" : String(+weight.toFixed(3)), lacks(adds) ? "nothing" : signed(adds),
    [isGate ? "a gate: it must hold" : "", veto ? "a veto: it can zero the score" : "", missing ? "no verdict" : ""].filter(Boolean).join("; ")])
    : unit.scores.filter(one => one.level === 0).map(one => [named(one.name), el("span.measure", null, score(one.value), track(one.value, one.low, one.high)),
      between(one.low, one.high) || "none", `${many(one.n, "verdict")}`, flagged(one.flags)]);
  return el("section.came", null, el("h3", null, "How the score came about"),
    el("p.fact", null, el("b", null, score(value)), el("span", null, lacks(value) ? "no score: a criterion has no verdict" : "score, from 0 (lowest) to 1 (highest)",
      main && between(main.low, main.high) ? `; 95 % interval over judges or samples ${between(main.low, main.high)}` : "")),
    gate && el("p.note.bad", null, "The gate ", el("b", null, named(gate)), " did not hold: the score is set by it alone."),
    main && main.share < 1 ? el("p.note", null, `${share(main.share)} of the weight was judged.`) : null,
    table(told ? ["criterion", "value", "weight", "adds to the score", "notes"] : ["criterion", "value", "95 % interval", "rests on", "notes"], parts),
    told && !gate && !lacks(value) && el("p.sum", null, `Together ${score(told.parts.reduce((sum, one) => sum + (one[3] || 0), 0))}.`));
}

function criterionOf(name, unit, own, texts, to, run) {
  const all = unit.outcomes.filter(one => one.criterion === name), pair = unit.responses.length === 2;
  const groups = new Map(), key = one => pair ? `${one.rater} ${one.sample}` : "";
  for (const one of all) groups.has(key(one)) ? groups.get(key(one)).push(one) : groups.set(key(one), [one]);
  const scored = unit.scores.find(one => one.level === 0 && one.name === name), repeats = all.some(one => one.sample > 0);
  return el("section.criterion", null, el("h3", null, "Criterion ", named(name)),
    own && el("p.asked", null, named(said(texts, own.text))),
    scored && el("p.scored", null, "Score ", el("b", null, score(scored.value)), ` from ${many(scored.n, "verdict")} `,
      scored.marks.map(mark => [chip(mark), ` ${MARKS[mark][1]} `])),
    [...groups.values()].map(group => el("div.verdicts", null, group.map(one => verdict(one, unit, own, to(one), repeats)))));
}

/** A label in words: of a pair, which response is better. */
function labelWords(label, unit) {
  if (unit.responses.length !== 2) return named(label);
  const better = { first: 0, second: 1 }[label];
  return better === undefined ? named(label) : [named(unit.responses[better].id), " is better"];
}

function verdict(one, unit, own, to, repeats) {
  const labels = (own && unit.responses.length < 2 && own.scale.labels) || ["second", "tie", "first"], place = label => labels.indexOf(label);
  const probs = [...one.probs].sort(([a], [b]) => place(a) - place(b)), shown = shownOrder(one, unit);
  const depth = label => place(label) < 0 || labels.length < 2 ? .5 : place(label) / (labels.length - 1);
  return el("article.verdict" + (one.reason ? ".absent" : ""), null,
    el("h4", null, named(one.rater), repeats ? `, repeat ${one.sample + 1}` : ""),
    shown && el("p.shown", null, "shown in the order ", shown.map((id, k) => [k ? ", then " : "", named(id)])),
    one.reason ? [el("p.word", null, "no verdict"), el("p", null, named(REASONS[one.reason] || one.reason), el("code", null, ` ${one.reason}`)),
      lacks(one.detail) ? null : prose(one.detail)] : [
      el("p.word", null, labelWords(one.label, unit), el("small", null, ` value ${score(one.value)}`, unit.responses.length === 2 && " (1 the first, 0 the second)")),
      el("div.labels-bar", { "aria-hidden": "true" }, probs.map(([label, p]) => el("i", { "--p": p, "--depth": depth(label) }))),
      el("p.probs", null, probs.length > 1 || probs.some(([, p]) => p < 1) ? probs.map(([label, p], k) => [k ? ", " : "", labelWords(label, unit), ` ${share(p)}`]) : "all on one label"),
      one.undecided ? el("p.probs", null, `cannot tell ${share(one.undecided)}`) : null],
    one.rationale && el("div.text", { dir: "auto" }, one.rationale),
    one.evidence.length > 0 && el("ul.quotes", null, one.evidence.map(quoted)),
    !lacks(one.confidence) && el("p.probs", null, `says of itself that it is sure to ${share(one.confidence)}`),
    one.tags && one.tags.length > 0 && el("p.probs", null, "error tags: ", named(one.tags.join(", "))),
    one.flags.length > 0 && el("ul.words", null, flagged(one.flags)),
    to && el("p.foot", null, one.call ? link(to, "Raw reply and prompt") : SOURCES[one.source] || "no call was made"));
}
const quoted = ({ quote, where, found, how }) => el("li", null, el(found ? "mark" : "s", null, named(quote)), " ",
  el("small", null, found ? ["found in ", named(where || "the text"), { normalised: ", but for spaces or quotation marks", fuzzy: ", but for a few letters" }[how] || ""]
    : "not found in the text"));

function shownOrder(one, unit) {
  const ids = unit.responses.map(each => each.id);
  if (ids.length < 2) return null;
  return Array.isArray(one.shown) ? one.shown : one.shown ? ids.reverse() : ids;
}

/** Screen 4: one call. */
async function drawCall(main, data, source, { parts: [n, i, k], query }) {
  const unit = await source.unit(n), outcome = unit.outcomes[i], { call } = outcome, own = name => (data.runs[0].rubric ? data.runs[0].rubric.criteria : []).find(one => one.id === name);
  const pair = (name, ...value) => [el("dt", null, name), el("dd", null, value)], same = unit.outcomes.filter(one => one.call && one.call.key === call.key);
  const key = el("code", { id: "key" }, call.key);
  put(main, el("h2", { tabindex: -1 }, "Call to ", named(outcome.rater)),
    el("p.lead", null, "Item ", link(address("item", [n, k], query), named(unit.item.id)), unit.responses.map(one => [", ", named(one.id)])),
    el("section", null, el("h3", null, "Raw reply"), call.fault && el("p.note.bad", null, "Fault: ", named(call.fault), call.detail ? [", ", named(call.detail)] : ""),
      lacks(call.reply) ? el("p.absent", null, "not kept: the ledger has no reply under this key") : el("pre.text", { id: "reply", tabindex: 0, dir: "auto" }, call.reply)),
    el("section", null, el("h3", null, "How it was read"),
      el("p", null, outcome.reason ? "No verdict: " + (REASONS[outcome.reason] || outcome.reason) : SOURCES[outcome.source] || "",
        outcome.flags.includes("mended") ? "; its JSON was mended first" : "", call.attempt > 1 ? "; this is the reply to a second asking" : "", "."),
      el("div.verdicts", null, same.map(one => verdict(one, unit, own(one.criterion), null, one.sample > 0)))),
    el("section", null, el("h3", null, "The call"), el("dl", null,
      pair("model that answered", named(call.model || "unknown")), pair("tokens", `${count(call.input_tokens)} read, ${count(call.output_tokens)} written`),
      pair("price", money(call.cost_usd)), pair("time", seconds(call.seconds)), pair("requests", `${lacks(call.tries) ? "unknown" : count(call.tries)}`),
      pair("from the ledger", lacks(call.stored) ? "unknown" : call.stored ? "yes, it cost nothing in this run" : "no, asked in this run"),
      pair("key in the ledger", key, " ", el("button.quiet", { type: "button", click: () => copy(key) }, "Copy the key")))),
    el("section", null, el("h3", null, "Prompt as sent"), prose(call.prompt)));
}

async function copy(node) {
  try { await navigator.clipboard.writeText(node.textContent); say("Copied."); }
  catch { getSelection().selectAllChildren(node); say("The key is selected; copy it with Ctrl+C."); }
}
