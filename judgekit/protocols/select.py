"""Select all: which of these hold? Many yes/no criteria in one call; read as one verdict for each.

What a judge does not name does not hold, so an empty selection is an answer, and a name that nobody
asked for is passed over and flagged; a selection of such names alone is none, and so is a line that holds
anything else, since that may be a quotation. One call is cheap, but judges name too few or too many
(SATA-Bench, arXiv 2506.00643), which asking one by one shows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from judgekit.errors import InputError
from judgekit.prompt import TAG, Ours, Template, bundled_template
from judgekit.protocols.abstaining import all_abstain, brief
from judgekit.protocols.lines import tagged_lines, without_tag
from judgekit.protocols.material import Material
from judgekit.protocols.objects import holding
from judgekit.protocols.sheet import Form, Sheet, object_schema
from judgekit.rubric.model import Criterion
from judgekit.scales import Labels, fold, settle
from judgekit.types import Call, Outcome, Reply, Verdict

UNKNOWN = "unknown_id"
_KEY = "selected"
_NONE = frozenset({"", "none", "none of them", "none of the above", "nothing", "[]", "-"})
_EDGES = " \t\"'`*_.[]()"


def select_sheet(
    criteria: Sequence[Criterion],
    *,
    form: Form = "json",
    guidelines: str = "",
    template: Template | None = None,
) -> Sheet:
    """A sheet that asks which of the criteria hold.

    Raises:
        InputError: If a criterion is no yes/no question, the form is neither `json` nor `text`, or an id
            holds a comma, which parts the ids of a text.
    """
    if form not in {"json", "text"}:
        raise InputError(f"form {form!r}: a selection is given as 'json' or 'text'")
    for c in criteria:
        if not (isinstance(c.scale, Labels) and len(c.scale.labels) == 2):
            raise InputError(
                f"criterion {c.id!r} is no yes/no question, and a selection answers nothing else"
            )
        if form == "text" and "," in c.id:
            raise InputError(f"criterion {c.id!r} holds a comma, which parts ids here; use form='json'")
    ids = {"type": "array", "items": {"type": "string", "enum": [c.id for c in criteria]}}
    schema = object_schema({"rationale": {"type": "string"}, _KEY: ids}) if form == "json" else None
    static = {
        "guidelines": Ours(guidelines),
        "criteria": Ours("\n".join(f"- `{c.id}`: {c.text}" for c in criteria)),
        "form": Ours(_JSON if form == "json" else _TEXT),
    }
    prompt = template or bundled_template("select_all")
    return Sheet(
        "select_all", form, tuple(criteria), prompt, static, schema, (), tuple(c.scale for c in criteria)
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


def read_selected(call: Call, reply: Reply, text: str, material: Material) -> tuple[Outcome, ...] | None:
    """One outcome for each criterion; None where there is no selection to read.

    Args:
        call: What was asked.
        reply: What came back.
        text: Its text, reasoning left out.
        material: The judged texts.

    >>> from judgekit.scales import YES_NO
    >>> from judgekit.types import Unit
    >>> unit = Unit("1", ("x",))
    >>> call = Call("j", ((unit, "kind"), (unit, "short")), "select_all", (), scales=(YES_NO, YES_NO))
    >>> said = Reply('{"rationale": "", "selected": ["short"]}')
    >>> [outcome.label for outcome in read_selected(call, said, said.text, Material(()))]
    ['no', 'yes']
    """
    found = _in_json(call, text, material) or _on_line(text, call.tag, cut=reply.fault == "truncated")
    if found is None:
        return None
    ids = [cid for _, cid in call.asks]
    known = {fold(cid): cid for cid in ids}
    named = [known.get(fold(name.partition(" (")[0].strip(_EDGES))) for name in found.names]
    chosen = {cid for cid in named if cid is not None}
    if named and (not chosen or (found.on_line and None in named)):
        odd = [name for name, cid in zip(found.names, named, strict=True) if cid is None]
        return all_abstain(call, "off_scale", f"no point that was asked about: {brief(str(odd))}")
    flags: tuple[str, ...] = (UNKNOWN,) if None in named else ()
    flags += ("reasked",) if call.attempt > 1 else ()
    return tuple(_verdict(call, i, flags, found.rationale, holds=cid in chosen) for i, cid in enumerate(ids))


def _verdict(call: Call, i: int, flags: tuple[str, ...], rationale: str, *, holds: bool) -> Verdict:
    unit, cid = call.asks[i]
    scale = call.scales[i]
    labels = scale.labels if isinstance(scale, Labels) else ("no", "yes")
    probs, label, value = settle(scale, {labels[-1 if holds else 0]: 1.0})
    return Verdict(
        call.judge, unit, cid, probs, label, value, rationale=rationale, flags=flags, shown=call.shown,
        sample=call.sample, call=call.key,
    )  # fmt: skip


def _in_json(call: Call, text: str, material: Material) -> _Selection | None:
    """The selection of a reply that is one object, else of the last object that has one."""
    found = holding(text, _KEY, material, asked=call.schema is not None)
    if not isinstance(found.value, list) or not all(isinstance(name, str | int) for name in found.value):
        return None
    return _Selection(tuple(map(str, found.value)), str((found.entry or {}).get("rationale") or ""))


def _on_line(text: str, tag: str, *, cut: bool) -> _Selection | None:
    """The selection on the last line that carries the tag."""
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
