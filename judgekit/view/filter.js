/* Which rows of the grid are meant, in which order, and what stands in them; Python's filter gives the same. */

const binOf = value => Math.min(9, Math.floor(value * 10));

/** Where each unit's outcomes and scores stand; made once a run. */
function study(run) {
  const { outcomes, scores, units, names } = run, wide = names.criteria.length, n = units.length;
  const chain = column => {
    const head = new Int32Array(n).fill(-1), next = new Int32Array(column.length);
    for (let i = column.length - 1; i >= 0; i--) { next[i] = head[column[i]]; head[column[i]] = i; }
    return unit => { const all = []; for (let i = head[unit]; i >= 0; i = next[i]) all.push(i); return all; };
  };
  const cell = new Int32Array(n * wide).fill(-1);
  scores.unit.forEach((unit, i) => { if (scores.level[i] === 0) cell[unit * wide + scores.name[i]] = i; });
  return { outcomesOf: chain(outcomes.unit), scoresOf: chain(scores.unit),
    cellsOf: unit => cell.subarray(unit * wide, unit * wide + wide) };
}

/** Units that have an outcome which meets all conditions on outcomes at once; null where there is no such condition. */
function met(run, query) {
  const { outcomes, names } = run, flag = query.get("flag"), bin = query.get("bin"), kind = query.get("kind");
  const lists = { criterion: names.criteria, judge: names.raters, label: names.labels, reason: names.reasons };
  const wanted = Object.keys(lists).filter(key => query.get(key))
    .map(key => [outcomes[key === "judge" ? "rater" : key], lists[key].indexOf(query.get(key))]);
  if (!wanted.length && !flag && !bin && !kind) return null;
  const found = new Set(), flags = new Set(names.flags.flatMap((name, k) => [name, name.split(":")[0]].includes(flag) ? [k] : []));
  if (wanted.some(([, index]) => index < 0)) return found;
  for (let i = 0; i < outcomes.unit.length; i++) {
    if (wanted.some(([column, index]) => column[i] !== index) || (flag && !outcomes.flags[i].some(one => flags.has(one)))) continue;
    if (kind && (kind === "verdict") !== (outcomes.label[i] >= 0)) continue;
    if (!bin || (!lacks(outcomes.value[i]) && binOf(outcomes.value[i]) === Number(bin))) found.add(outcomes.unit[i]);
  }
  return found;
}

/** A test of units for a text in what was judged or said; each text is searched once. */
function holding(data, run, studied, text) {
  const sought = text.toLowerCase(), within = one => one.toLowerCase().includes(sought), has = data.texts.map(within);
  const inside = held => typeof held === "number" ? held >= 0 && has[held] : Array.isArray(held) && held.some(([, one]) => inside(one));
  const byItem = run.items.map(item => within(item.id) || inside(item.task) || inside(item.reference));
  return unit => byItem[run.units[unit][0]] || run.units[unit][1].some(([id, held]) => within(id) || inside(held)) ||
    studied.outcomesOf(unit).some(i => inside(run.outcomes.rationale[i]) || inside(run.outcomes.detail[i]));
}

/** The units (or, by system, items with their units) that a query means, in its order. */
function selected(data, studied, query) {
  const run = data.runs[0], { names, units } = run, passed = met(run, query), tests = [], get = key => query.get(key);
  if (passed) tests.push(unit => passed.has(unit));
  if (get("system")) tests.push(unit => units[unit][1].some(([, , system]) => names.systems[system] === get("system")));
  if (get("item")) tests.push(unit => run.items[units[unit][0]].id === get("item"));
  if (get("tag")) tests.push(unit => Object.entries(run.items[units[unit][0]].tags).some(one => one.join(":") === get("tag")));
  if (get("mark")) {
    const bit = names.marks.includes(get("mark")) && 1 << names.marks.indexOf(get("mark")), k = names.criteria.indexOf(get("criterion"));
    const ofCell = k >= 0 && get("mark") !== "gate", cell = unit => studied.cellsOf(unit)[k];
    tests.push(unit => bit & (!ofCell ? run.marks[unit] : cell(unit) < 0 ? 0 : run.scores.marks[cell(unit)]));
  }
  if (get("text")) tests.push(holding(data, run, studied, get("text")));
  const found = [...units.keys()].filter(unit => tests.every(test => test(unit)));
  sort(found, run, query);
  if (get("by") !== "system") return found;
  const items = new Map();
  for (const unit of found) items.has(units[unit][0]) ? items.get(units[unit][0]).push(unit) : items.set(units[unit][0], [unit]);
  return [...items];
}

/** What has no value comes last, and equal ones stay in the order of the run. */
function sort(found, run, query) {
  const by = query.get("sort"), value = unit => run.settled[unit] < 0 ? null : run.scores.value[run.settled[unit]];
  const less = of => unit => lacks(of(unit)) ? null : -of(unit);
  const near = unit => lacks(value(unit)) ? null : Math.abs(value(unit) - Number(query.get("at") || .5));
  const key = { value, "-value": less(value), near }[by] || (by && run.sorts[by] && less(unit => run.sorts[by][unit])); // smallest first
  if (!key) return;
  const keys = new Map(found.map(unit => [unit, key(unit)]));
  found.sort((a, b) => (lacks(keys.get(a)) - lacks(keys.get(b))) || keys.get(a) - keys.get(b) || a - b);
}

const shownScore = (run, i) => i < 0 ? { value: null, low: null, high: null }
  : { value: run.scores.value[i], low: run.scores.low[i], high: run.scores.high[i] };
const marksOf = (run, bits) => run.names.marks.filter((_, k) => bits & 1 << k);

function unitRow(run, studied, unit) {
  const [item, responses, part] = run.units[unit], cells = [];
  studied.cellsOf(unit).forEach((i, criterion) => i >= 0 && cells.push({ criterion, ...shownScore(run, i), marks: marksOf(run, run.scores.marks[i]) }));
  return { unit, item: run.items[item].id, responses: responses.map(([id]) => id), part: part || "",
    systems: responses.map(([, , system]) => run.names.systems[system] || ""), ...shownScore(run, run.settled[unit]),
    marks: marksOf(run, run.marks[unit]), cells };
}

function systemsRow(run, studied, [item, units]) {
  return { unit: units[0], item: run.items[item].id, responses: [], marks: [], cells: units.filter(unit => run.units[unit][1].length === 1)
    .map(unit => ({ system: run.units[unit][1][0][2], ...unitRow(run, studied, unit) })) };
}
