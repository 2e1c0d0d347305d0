const form = document.querySelector('form'), sheet = document.body.dataset.sheet;
const kept = 'judgekit-review-' + sheet, count = document.querySelector('#count');
const names = [...document.querySelectorAll('fieldset')].map(each => each.dataset.question);
const memory = { get() { try { return JSON.parse(localStorage.getItem(kept) || '{}') } catch { return {} } },
  set(value) { try { localStorage.setItem(kept, JSON.stringify(value)) } catch { } } };
function answers() {
  const data = new FormData(form);
  return { sheet, annotator: (data.get('annotator') || '').trim(), saved: new Date().toISOString(),
    answers: names.map(name => ({ question: name, label: (data.get(name) || '').toString().trim(),
      note: (data.get(name + '-note') || '').toString() })) };
}
function show() {
  const done = answers().answers.filter(a => a.label).length;
  count.textContent = done + ' of ' + names.length + ' answered';
}
form.addEventListener('input', () => { show(); memory.set(answers()); });
form.addEventListener('submit', event => {
  event.preventDefault();
  const blob = new Blob([JSON.stringify(answers(), null, 1)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob); link.download = 'answers-' + sheet + '.json'; link.click();
  URL.revokeObjectURL(link.href);
});
const before = memory.get();
if (before.annotator) form.elements.annotator.value = before.annotator;
for (const a of before.answers || []) {
  const field = form.elements[a.question], note = form.elements[a.question + '-note'];
  if (field && a.label) field.value = a.label;
  if (note) note.value = a.note || '';
}
show();
