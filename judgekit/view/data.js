/* Where the data come from: the page itself, plain or packed, or the server that gave the page. Both makers give one
   object `source`: first() what stands on the first screen, rows(query, from, n) a window of the grid, unit(n, run) all of one. */

async function opened() {
  const node = document.getElementById("data");
  if (!node) return remote(new URL(".", location.href)); // whose path holds the server's token
  const text = node.textContent;
  node.remove();
  return embedded(JSON.parse(node.type === "application/json" ? text : await unpacked(text.trim())));
}

function unpacked(base64) {
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(base64) : Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function embedded(data) {
  const studies = data.runs.map(study);
  let last = { asked: null };
  return {
    first: async () => data,
    rows: async (query, from, n) => {
      if (last.asked !== String(query)) last = { asked: String(query), rows: selected(data, studies[0], query) };
      const all = last.rows, drawn = all.slice(from, from + n), row = query.get("by") === "system" ? systemsRow : unitRow;
      return { count: all.length, rows: drawn.map(one => row(data.runs[0], studies[0], one)) };
    },
    unit: async (n, run = 0) => whole(data.runs[run], data.texts, n, studies[run]),
  };
}

function remote(base) {
  const asked = async (path, answer = fetch(new URL(path, base))) => (await answer).ok ? (await answer).json()
    : Promise.reject(new Error(`the server answered ${(await answer).status} to ${path}`));
  const first = asked("data/first");
  return {
    first: () => first,
    rows: (query, from, n) => asked(`data/rows?${but(query, { from, n })}`),
    unit: async (n, run = 0) => {
      if (!((await first).runs[run].first.counts.units > n && n >= 0)) lost(`row ${n}`);
      const got = await asked(`data/unit/${n}?run=${run}`);
      return { ...whole(got.run, got.texts, 0, study(got.run)), n };
    },
  };
}

/** A text as it is held (an index, a string, turns, turns of pieces) as a string, or turns of role and text. */
function said(texts, held) {
  if (lacks(held) || held === -1) return null;
  if (!Array.isArray(held)) return typeof held === "number" ? texts[held] : held;
  const piece = one => Array.isArray(one) ? one.map(each => said(texts, each)).join("") : said(texts, one);
  return held.map(([role, one]) => ({ role, text: piece(one) }));
}
/** The call that a second asking repeats: not read, put to the same judge, and the same but for its last words. */
function earlier({ outcomes, calls: { attempt, judge, prompt } }, i) {
  const asked = k => JSON.stringify(prompt[k] || [k]).replace(/,\d+\]+$/, ""), near = [...Array(Math.min(i, 2000)).keys()].map(k => i - 1 - k);
  return near.filter(k => attempt[k] === 1 && judge[k] === judge[i] && asked(k) === asked(i) && !outcomes.call.includes(k)).slice(0, 1);
}
const at = (columns, i) => Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column[i]]));
const nameOf = (names, one) => typeof one === "number" ? (one < 0 ? null : names[one]) : one;

/** All of one unit, in words and texts: item, responses, scores, how the score came about, outcomes with their calls. */
function whole(run, texts, n, studied) {
  const { names } = run, [item, responses, part] = run.units[n] || lost(`row ${n}`), held = run.items[item];
  const called = i => {
    const call = i === -1 || lacks(i) ? null : at(run.calls, i);
    return call && { ...call, judge: nameOf(names.raters, call.judge), prompt: said(texts, call.prompt), reply: said(texts, call.reply),
      earlier: call.attempt > 1 ? earlier(run, i).map(k => said(texts, run.calls.reply[k])) : [] };
  };
  const outcomes = studied.outcomesOf(n).map(i => {
    const one = at(run.outcomes, i);
    return { ...one, criterion: nameOf(names.criteria, one.criterion), rater: nameOf(names.raters, one.rater),
      label: nameOf(names.labels, one.label), reason: nameOf(names.reasons, one.reason), source: nameOf(names.sources, one.source),
      probs: (one.probs || []).map(([label, p]) => [nameOf(names.labels, label), p]),
      flags: (one.flags || []).map(flag => nameOf(names.flags, flag)),
      detail: said(texts, one.detail), rationale: said(texts, one.rationale),
      evidence: (one.evidence || []).map(([quote, where, found, how]) => ({ quote: said(texts, quote), where, found, how })),
      call: called(one.call) };
  });
  const scores = studied.scoresOf(n).map(i => {
    const one = at(run.scores, i);
    return { ...one, name: nameOf(one.level === 0 ? names.criteria : names.others, one.name), marks: marksOf(run, one.marks),
      flags: (one.flags || []).map(flag => nameOf(names.flags, flag)), gate: nameOf(names.criteria, one.gate) };
  });
  return {
    n, part, outcomes, scores, explain: (run.explain || [])[n] || null,
    item: { ...held, task: said(texts, held.task), reference: said(texts, held.reference),
      sources: (held.sources || []).map(([id, text]) => [id, said(texts, text)]) },
    responses: responses.map(([id, text, system]) => ({ id, text: said(texts, text), system: nameOf(names.systems, system) })),
  };
}
