const form = document.querySelector('form'), main = document.querySelector('main'), sheet = document.body.dataset.sheet;
const next = document.querySelector('#next'), count = document.querySelector('#count');
const save = form.querySelector('[type=submit]'), questions = [...document.querySelectorAll('fieldset')];
const signed = form.elements.annotator, whose = () => 'judgekit-review-' + sheet + ' ' + signed.value;
const memory = { get() { try { return JSON.parse(localStorage.getItem(whose()) || '{}') } catch { return {} } },
  set(value) { try { localStorage.setItem(whose(), JSON.stringify(value)) } catch { } } };
function mixed(text) { // as _mixed of sheet.py
  let found = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) found = Math.imul(found ^ byte, 0x01000193);
  for (const [shift, factor] of [[16, 0x85ebca6b], [13, 0xc2b2ae35]]) found = Math.imul(found ^ found >>> shift, factor);
  return (found ^ found >>> 16) >>> 0;
}
function shuffle() { // as shuffled of sheet.py
  const place = each => mixed(`${sheet} ${signed.value} ${each.dataset.question}`);
  questions.sort((a, b) => place(a) - place(b)).forEach((each, k) => {
    each.querySelector('legend').textContent = `${k + 1} of ${questions.length}`;
    main.append(each);
    const pair = [...each.querySelectorAll('.pair .text')];
    if (!pair.length) return;
    const turned = mixed(`${sheet} ${signed.value} ${each.dataset.question} sides`) & 1;
    each.dataset.shown = turned ? 'BA' : 'AB';
    if (turned) { const [left, right] = pair.map(one => one.parentElement); left.append(pair[1]); right.append(pair[0]); }
  });
}
function answers() {
  const data = new FormData(form), said = name => (data.get(name) || '').toString();
  return { sheet, annotator: signed.value, saved: new Date().toISOString(),
    answers: questions.map(({ dataset: { question, shown = '' } }) =>
      ({ question, shown, label: said(question).trim(), note: said(question + '-note') })) };
}
function show() {
  count.textContent = answers().answers.filter(a => a.label).length + ' of ' + questions.length + ' answered';
}
function keep() { show(); memory.set(answers()); }
function begin() {
  signed.value = signed.value.trim().normalize();
  if (!signed.value) return;
  signed.readOnly = true; main.hidden = next.hidden = false; save.textContent = 'Save answers';
  shuffle();
  for (const a of memory.get().answers || []) {
    const field = form.elements[a.question], note = form.elements[a.question + '-note'];
    if (field && a.label) field.value = a.label;
    if (note) note.value = a.note || '';
  }
  show();
}
form.addEventListener('input', () => { if (!main.hidden) keep(); });
form.addEventListener('click', event => {
  if (!event.target.classList.contains('unset')) return;
  for (const each of event.target.closest('fieldset').querySelectorAll('[type=radio]')) each.checked = false;
  keep();
});
form.addEventListener('submit', event => {
  event.preventDefault();
  if (main.hidden) return begin();
  const blob = new Blob([JSON.stringify(answers(), null, 1)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob); link.download = 'answers-' + sheet + '.json'; link.click();
  URL.revokeObjectURL(link.href);
});
next.addEventListener('click', () => location.reload());
addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
