"""Select all: which of these hold? Many yes/no criteria in one call; read as one verdict for each.

What a judge does not name does not hold, so an empty selection is an answer, and a name that nobody asked for
is passed over and flagged; a selection of such names alone is none, and so is a line that holds anything
else, which may be a quotation. Judges name too few or too many (SATA-Bench, arXiv 2506.00643).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from judgekit.errors import InputError
from judgekit.prompt import TAG, Ours, bundled_template
from judgekit.protocols.reading.labelled import read_labels, why_missing
from judgekit.protocols.reading.lines import tagged_lines, without_tag
from judgekit.protocols.reading.material import Material
from judgekit.protocols.reading.objects import holding
from judgekit.protocols.reading.replies import all_abstain, brief, verdict_of
from judgekit.protocols.sheet import Asking, Protocol, Sheet, Wanted, object_schema, singly
from judgekit.rubric.model import Criterion
from judgekit.scales import Labels, fold
from judgekit.types import Ask, Call, Outcome, Reply, Unit, Verdict, is_control

UNKNOWN = "unknown_id"
_KEY = "selected"
_NONE = frozenset({"", "none", "none of them", "none of the above", "nothing", "[]", "-"})
_EDGES = " \t\"'`*_.[]()"


def _sheet(criteria: Sequence[Criterion], how: Asking) -> Sheet:
    """Return a sheet that asks which of the criteria hold, all of them yes/no questions."""
    if how.form not in {"json", "text"}:
        raise InputError(f"form {how.form!r}: a selection is given as 'json' or 'text'")
    for c in criteria:
        if not (isinstance(c.scale, Labels) and len(c.scale.labels) == 2):
            raise InputError(
                f"criterion {c.id!r} is no yes/no question, and a selection answers nothing else"
            )
        if how.form == "text" and "," in c.id:
            raise InputError(f"criterion {c.id!r} holds a comma, which parts ids here; use form='json'")
    texts = [f"- `{c.id}`: {c.text}" for c in criteria]

    def wanted(unit: Unit, _: tuple[str, ...]) -> Wanted:
        asked = zip(criteria, texts, strict=True)
        return Wanted(tuple(Ask(unit, c.id, c.scale, "", text) for c, text in asked))

    ids = {"type": "array", "items": {"type": "string", "enum": [c.id for c in criteria]}}
    schema = object_schema({"rationale": {"type": "string"}, _KEY: ids})
    return Sheet(
        protocol="select_all",
        read=read_selected,
        form=how.form,
        criteria=tuple(criteria),
        scales=tuple(c.scale for c in criteria),
        template=how.template or bundled_template("select_all"),
        static={
            "guidelines": Ours(how.guidelines),
            "criteria": Ours("\n".join(texts)),
            "form": Ours(_JSON if how.form == "json" else _TEXT),
        },
        schema=schema if how.form == "json" else None,
        views=singly(tuple(criteria)),
        wanted=wanted,
    )


_JSON = (
    "Reply with one JSON object and nothing else. Its keys are, in this order:\n"
    '- "rationale" (a string): what decides, in short\n'
    f'- "{_KEY}" (a list of strings): the ids of the points that hold; an empty list if none does'
)
_TEXT = (
    "First say what decides. Then end your reply with this line and nothing after, with the ids of the "
    f"points that hold, parted by commas, in the place of IDS (or with the word none):\n{TAG} {_KEY}: IDS"
)


@dataclass(frozen=True, slots=True)
class _Selection:
    names: tuple[str, ...]
    rationale: str = ""
    on_line: bool = False


def read_selected(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...]:
    """Return one outcome for each criterion; a control says a label for each instead."""
    if is_control(call.judge):
        return read_labels(call, reply, text, material)
    found = _in_json(call, text, material) or _on_line(text, call.tag, cut=reply.fault == "truncated")
    if found is None:
        return all_abstain(call, *why_missing(reply, text, cut=False, answered=False))
    ids = [ask.criterion for ask in call.asks]
    known = {fold(cid): cid for cid in ids}
    named = [known.get(fold(name.partition(" (")[0].strip(_EDGES))) for name in found.names]
    chosen = {cid for cid in named if cid is not None}
    if named and (not chosen or (found.on_line and None in named)):
        odd = [name for name, cid in zip(found.names, named, strict=True) if cid is None]
        return all_abstain(call, "off_scale", f"no point that was asked about: {brief(str(odd))}")
    flags = (UNKNOWN,) if None in named else ()

    def verdict(ask: Ask) -> Verdict:
        labels = ask.scale.labels if isinstance(ask.scale, Labels) else ("no", "yes")
        said = labels[-1 if ask.criterion in chosen else 0]
        return verdict_of(call, ask, {said: 1.0}, flags, rationale=found.rationale)

    return tuple(map(verdict, call.asks))


def _in_json(call: Call, text: str, material: Material) -> _Selection | None:
    """Return the selection of a reply that is one object, else of the last object that has one."""
    found = holding(text, _KEY, material, asked=call.schema is not None)
    if not isinstance(found.value, list) or not all(isinstance(name, str | int) for name in found.value):
        return None
    return _Selection(tuple(map(str, found.value)), str((found.entry or {}).get("rationale") or ""))


def _on_line(text: str, tag: str, *, cut: bool) -> _Selection | None:
    """Return the selection on the last line that carries the tag."""
    for line in reversed(tagged_lines(text, tag, ": IDS")):
        found = re.match(rf"\W*+{_KEY}[^\w:]*+:(.*)", line, re.IGNORECASE)
        if found is None:
            continue
        if cut and not line.endswith("\n"):
            return None
        names = [name for name in found[1].split(",") if name.strip(_EDGES)]
        if len(names) <= 1 and fold(found[1]).strip(_EDGES) in _NONE:
            names = []
        return _Selection(tuple(names), without_tag(text, tag), on_line=True)
    return None


SELECT_ALL = Protocol(name="select_all", about=("task", "response"), sheet=_sheet, per_call=None)
