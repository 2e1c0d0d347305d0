/* Screen 6, Label: questions in an order of one's own, without systems or judges' verdicts; saved as a review sheet's answers. */

const mine = { name: "", at: 0, answers: new Map() };

function mixed(text) { // as _mixed of review/sheet.py
  let found = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) found = Math.imul(found ^ byte, 0x01000193);
  for (const [shift, factor] of [[16, 0x85ebca6b], [13, 0xc2b2ae35]]) found = Math.imul(found ^ found >>> shift, factor);
  return (found ^ found >>> 16) >>> 0;
}
const isPair = question => question.texts.length > 1 && question.texts.at(-1)[0] === "Response B";
const turned = (sheet, question) => isPair(question) && mixed(`${sheet} ${mine.name} ${question.id} sides`) & 1;

function drawLabel(main, data) {
  const { sheet, questions } = data.label;
  put(main, title("Label"));
  if (!mine.name) return put(main, el("p.lead", null, `${many(questions.length, "question")}. You see texts and one criterion at a time, not who wrote a `,
      "response and not what judges said. Your answers stay in this browser until you save them as a file, which ",
      el("code", null, "judgekit review import"), " reads."),
    el("form.sign", { submit: event => { event.preventDefault(); sign(event.target.elements.name.value, sheet); redraw(); } },
      el("label", null, "Your name ", el("input", { name: "name", required: true })), " ", el("button", null, "Begin")));
  const order = [...questions].sort((a, b) => mixed(`${sheet} ${mine.name} ${a.id}`) - mixed(`${sheet} ${mine.name} ${b.id}`));
  ask(main, data, order);
}

const shelf = sheet => `judgekit-review-${sheet} ${mine.name}`;
function sign(name, sheet) {
  Object.assign(mine, { name: name.trim().normalize(), at: 0 });
  try { mine.answers = new Map(JSON.parse(localStorage.getItem(shelf(sheet)) || "[]")); } catch { mine.answers = new Map(); }
}

function ask(main, data, order) {
  const { sheet } = data.label, question = order[mine.at], answer = mine.answers.get(question.id) || { label: "", note: "" };
  const answered = () => order.filter(one => (mine.answers.get(one.id) || {}).label).length;
  const told = el("b", null, `${answered()} of ${order.length} answered`);
  const keep = change => {
    mine.answers.set(question.id, Object.assign(answer, change));
    try { localStorage.setItem(shelf(sheet), JSON.stringify([...mine.answers])); } catch { /* kept in this page only */ }
    say(told.textContent = `${answered()} of ${order.length} answered`);
  };
  const go = by => { mine.at = Math.max(0, Math.min(order.length - 1, mine.at + by)); redraw(); };
  const text = ([heading, held]) => el("section.given", null, el("h3", null, heading), prose(said(data.texts, held)));
  const given = isPair(question) ? question.texts.slice(0, -2) : question.texts, ids = question.texts.slice(-2).map(([, held]) => held);
  if (turned(sheet, question)) ids.reverse();
  const choice = ([label, meaning], k) => el("label.choice", null,
    el("input", { type: "radio", name: "label", value: label, checked: answer.label === label, change: () => keep({ label }) }),
    k < 9 && el("kbd", null, String(k + 1)), el("b", null, named(label)), meaning && el("span", null, named(meaning)));
  const button = (kind, key, click, ...words) => el(kind, { type: "button", "data-key": key, click }, words);
  put(main, el("p.neighbours", null, button("button.quiet", "p", () => go(-1), "‹ previous"), ` question ${mine.at + 1} of ${order.length} `,
    button("button.quiet", "n", () => go(1), "next ›"), " ", told, " ", button("button", "s", () => save(data.label, order), "Save answers"),
    button("button.quiet", null, () => { mine.name = ""; redraw(); }, "Another person")),
  given.map(text), isPair(question) && el("div.pair", null, ids.map((held, k) => text([`Response ${"AB"[k]}`, held]))),
  el("p.asked", { id: "asked" }, named(question.criterion)),
  question.labels.length ? el("div.choices", { role: "radiogroup", "aria-labelledby": "asked" }, question.labels.map(choice),
    button("button.quiet", "0", () => { keep({ label: "" }); redraw(); }, "Leave it open ", el("kbd", null, "0")))
    : el("label", null, `Your answer (${question.allowed}) `, el("input", { type: "number", step: "any", name: "label", value: answer.label,
      input: event => keep({ label: event.target.value.trim() }) })),
  el("label.note-of", null, "A note, if you like ",
    el("input", { name: "note", value: answer.note, input: event => keep({ note: event.target.value }) })));
}

function save({ sheet, questions }, order) {
  const answers = order.map(one => ({ question: one.id, shown: isPair(one) ? (turned(sheet, one) ? "BA" : "AB") : "",
    ...(mine.answers.get(one.id) || { label: "", note: "" }) }));
  const made = { sheet, annotator: mine.name, saved: new Date().toISOString(), answers,
    questions: Object.fromEntries(questions.map(one => [one.id, one.key])) };
  const href = URL.createObjectURL(new Blob([JSON.stringify(made, null, 1)], { type: "application/json" }));
  el("a", { href, download: `answers-${sheet}.json` }).click();
  URL.revokeObjectURL(href);
  say("Saved.");
}
