"""The review page: one self-contained HTML file that asks, keeps and saves, and never calls out.

Judged text is escaped; a content policy forbids every request. Answers are kept in the browser
while the page is open and saved as a JSON file. Works by keyboard alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from judgekit.markup import esc, head

_HERE = Path(__file__).parent


def page(questions: Sequence[Mapping[str, Any]], digest: str) -> str:
    """The page for questions (fields of `Question`)."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    body = "\n".join(_question(each, number, len(questions)) for number, each in enumerate(questions, 1))
    return f"""{head(f"Review sheet {digest}", style, script=True)}
<body data-sheet="{esc(digest)}">
<form autocomplete="off">
<header>
<h1>Review sheet</h1>
<label>Your name <input type="text" name="annotator" required></label>
<span id="count" role="status"></span>
<button type="submit">Save answers</button>
</header>
<main>
<p>Answer each question by its criterion alone. Leave open what you cannot judge. Your answers stay in this
browser until you save them as a file.</p>
{body}
</main>
</form>
<script>{script}</script>
</body>
</html>
"""


def _question(question: Mapping[str, Any], number: int, total: int) -> str:
    texts = list(question["texts"])
    pair = [(h, t) for h, t in texts if h in {"Response A", "Response B"}]
    alone = [(h, t) for h, t in texts if (h, t) not in pair]
    blocks = "".join(_text(heading, text) for heading, text in alone)
    if pair:
        blocks += '<div class="pair">' + "".join(f"<div>{_text(h, t)}</div>" for h, t in pair) + "</div>"
    qid = esc(question["id"])
    return (
        f'<fieldset data-question="{qid}"><legend>{number} of {total}</legend>{blocks}'
        f'<p class="ask" id="{qid}-ask">{esc(question["criterion"])}</p>{_field(question, qid)}'
        f'<input class="note" type="text" name="{qid}-note" aria-label="Note on question {number}" '
        'placeholder="A note, if you like"></fieldset>'
    )


def _text(heading: str, text: str) -> str:
    return f'<h2>{esc(heading)}</h2><div class="text">{esc(text)}</div>'


def _field(question: Mapping[str, Any], qid: str) -> str:
    if not question["labels"]:
        allowed = esc(question["allowed"])
        return f'<label>Your answer ({allowed}) <input type="number" step="any" name="{qid}"></label>'
    choices = []
    for label, meaning in question["labels"]:
        name = esc(label)
        says = f" <span>{esc(meaning)}</span>" if meaning else ""
        radio = f'<input type="radio" name="{qid}" value="{name}">'
        choices.append(f'<label class="choice">{radio}<b>{name}</b>{says}</label>')
    return f'<div role="radiogroup" aria-labelledby="{qid}-ask">{"".join(choices)}</div>'
