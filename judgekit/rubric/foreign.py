"""The rubrics that people already have, in the formats of other projects.

Each reader goes from what a file holds to rubrics, with notes on what it could not carry over; `name` is the
rubric's id where the file has none. A rubric read here scores as it did there: points stay points, a scale's
values stay its values, and the rule is the one that gives the same number.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from judgekit.errors import InputError, kind_of
from judgekit.rubric.files import LARGE, SUFFIXES, parse_text, read_text
from judgekit.rubric.load import parse
from judgekit.rubric.model import Rubric
from judgekit.types import brief

Read = tuple[tuple[Rubric, ...], tuple[str, ...]]
"""Rubrics, and notes on what could not be carried over."""


def mapping(raw: Any, where: str) -> Mapping[str, Any]:
    """Return the mapping that something should be."""
    if not isinstance(raw, Mapping):
        raise InputError(f"{where}: is {kind_of(raw)}, not a mapping")
    return raw


def entries(raw: Any, where: str) -> list[Any]:
    """Return the list with at least one entry that something should be."""
    if not isinstance(raw, list) or not raw:
        raise InputError(f"{where}: should be a list with at least one entry, found {raw!r:.60}")
    return raw


def need(raw: Mapping[str, Any], key: str, where: str) -> Any:
    """Return the value of a key that must be there; an error names the keys that are."""
    if raw.get(key) is None:
        raise InputError(f"{where}: has no {key!r}; found {', '.join(map(str, raw)) or 'nothing'}")
    return raw[key]


def left_out(raw: Mapping[str, Any], known: Iterable[str], where: str) -> list[str]:
    """Return a note on each key that is not read."""
    return [f"{where}: {key!r} was not carried over" for key in raw if key not in set(known)]


_LEVEL_KEY = re.compile(r"score(\d{1,3})_description")
_CRITERION = re.compile(r"^\s*\[(?P<text>.+?)\]\s*$", re.DOTALL | re.MULTILINE)
_LEVEL_LINE = re.compile(r"^\s*Score\s+(\d{1,3})\s*:\s*", re.IGNORECASE | re.MULTILINE)


def prometheus(raw: Mapping[str, Any] | str, name: str = "prometheus") -> Read:
    """Return a rubric of one criterion, `quality`, whose labels are the described scores.

    It is a mapping, `{"criteria": "...", "score1_description": "...", ...}`, with the keys of the
    prometheus-eval package, which ragas uses too, or as it stands in the prompts: `[criterion]` on a line,
    then `Score 1: ...` and so on. Kim et al. 2023, arXiv:2310.08491.
    """
    text, levels, notes = _of_text(raw, name) if isinstance(raw, str) else _of_mapping(raw, name)
    scores = sorted(levels)
    if len(scores) < 2 or scores[-1] - scores[0] != len(scores) - 1:
        raise InputError(
            f"{name}: describes the scores {scores}; levels should be consecutive, such as 1 to 5"
        )
    labels = [str(score) for score in scores]
    criterion = {
        "id": "quality",
        "text": text,
        "scale": {"labels": labels},
        "anchors": {str(score): levels[score] for score in scores},
    }
    origin = "Read from a Prometheus rubric (form: arXiv:2310.08491)."
    return (parse({"id": name, "origin": origin, "criteria": [criterion]}, name),), tuple(notes)


def _of_mapping(raw: Any, name: str) -> tuple[str, dict[int, str], list[str]]:
    outer = mapping(raw, name)
    inner = outer.get("rubric")
    found = inner if isinstance(inner, Mapping) else outer
    levels = {int(key[1]): text for k, text in found.items() if (key := _LEVEL_KEY.fullmatch(str(k)))}
    if not levels:
        raise InputError(f"{name}: has no 'score1_description'; found {', '.join(map(str, found))}")
    known = ["criteria", "rubric", *(f"score{n}_description" for n in levels)]
    notes = left_out(found, known, name)
    return str(need(found, "criteria", name)), levels, notes


def _of_text(raw: str, name: str) -> tuple[str, dict[int, str], list[str]]:
    starts = list(_LEVEL_LINE.finditer(raw))
    head = _CRITERION.search(raw[: starts[0].start()] if starts else raw)
    if not starts or not head:
        raise InputError(
            f"{name}: is no Prometheus rubric; it should hold [criterion] in brackets on a line, "
            "then 'Score 1: ...' and so on, each on a line"
        )
    ends = [each.start() for each in starts[1:]] + [len(raw)]
    levels: dict[int, str] = {}
    for each, end in zip(starts, ends, strict=True):
        if int(each[1]) in levels:
            raise InputError(f"{name}: describes score {each[1]} twice")
        levels[int(each[1])] = raw[each.end() : end].strip()
    return " ".join(head["text"].split()), levels, []


_LOW, _HIGH = 0, 10
_GEVAL_KEYS = ("name", "criteria", "evaluation_steps", "rubric")


def geval(raw: Mapping[str, Any] | list[Any], name: str = "geval") -> Read:
    """Return a rubric for each metric of DeepEval's G-Eval, with one criterion, `score`, of whole numbers.

        {"name": "Correctness", "criteria": "...", "evaluation_steps": ["..."],
         "rubric": [{"score_range": [0, 3], "expected_outcome": "..."}]}

    Scores run from 0 to 10, or over the span of the ranges; camel case is read as well. Where steps are given
    DeepEval judges by them; where they are not it lets a model write them, anew for each metric, which has no
    place in a rubric.
    """
    metrics = [raw] if isinstance(raw, Mapping) else entries(raw, name)
    notes: list[str] = []
    rubrics = [_metric(each, name, notes) for each in metrics]
    return tuple(rubrics), tuple(notes)


def _metric(raw: Any, name: str, notes: list[str]) -> Rubric:
    metric = {_snake(key): value for key, value in mapping(raw, name).items()}
    name = str(metric.get("name") or name)
    notes += left_out(metric, _GEVAL_KEYS, name)
    ranges = _ranges(metric["rubric"], name) if metric.get("rubric") else []
    low, high = (ranges[0][0], ranges[-1][1]) if ranges else (_LOW, _HIGH)
    criterion = {
        "id": "score",
        "text": _question(metric, name),
        "scale": {"labels": list(range(low, high + 1))},
        "anchors": {n: outcome for start, end, outcome in ranges for n in range(start, end + 1)},
    }
    return parse(
        {"id": name, "origin": "Read from a G-Eval metric of DeepEval.", "criteria": [criterion]}, name
    )


def _question(metric: Mapping[str, Any], name: str) -> str:
    steps = metric.get("evaluation_steps")
    if steps is None:
        return str(need(metric, "criteria", f"{name}: without 'evaluation_steps'"))
    numbered = [f"{n}. {step}" for n, step in enumerate(entries(steps, f"{name}: the steps"), start=1)]
    return "\n".join([str(metric.get("criteria") or f"{name}, judged in these steps:"), *numbered])


def _ranges(raw: Any, name: str) -> list[tuple[int, int, str]]:
    """Return (first score, last score, what it stands for), rising."""
    found = []
    for n, each in enumerate(entries(raw, f"{name}: 'rubric'"), start=1):
        where = f"{name}: range {n}"
        level = {_snake(key): value for key, value in mapping(each, where).items()}
        span = entries(need(level, "score_range", where), f"{where}: 'score_range'")
        if [type(score) for score in span] != [int, int] or not _LOW <= span[0] <= span[1] <= _HIGH:
            raise InputError(f"{where}: 'score_range' should rise within {_LOW} to {_HIGH}, found {span!r}")
        found.append((span[0], span[1], str(need(level, "expected_outcome", where))))
    found.sort()
    for (_, end, _), (start, _, _) in pairwise(found):
        if start <= end:
            raise InputError(f"{name}: two ranges hold the score {start}; let each score stand in one")
    return found


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", str(key)).lower()


_AXIS = "axis:"


def healthbench(raw: Mapping[str, Any] | list[Any], name: str = "healthbench") -> Read:
    """Return a rubric for each example of HealthBench; its criteria are `c1`, `c2`, its axes the dimensions.

        {"prompt_id": "...", "prompt": [...],
         "rubrics": [{"criterion": "...", "points": 5, "tags": ["axis:accuracy"]}]}

    A list of criteria alone is read too. Arora et al. 2025, arXiv:2505.08775: the score is the points won
    over the positive points, clipped to 0 to 1, which is the rule `published_clipped`.
    """
    if isinstance(raw, Mapping):
        examples: list[Any] = [raw]
    else:
        examples = entries(raw, name)
        if all(isinstance(each, Mapping) and "criterion" in each for each in examples):
            examples = [{"rubrics": examples}]
    ids = [name if len(examples) == 1 else f"{name}-{n}" for n in range(1, len(examples) + 1)]
    notes: list[str] = []
    rubrics = [_example(each, own, notes) for each, own in zip(examples, ids, strict=True)]
    return tuple(rubrics), tuple(dict.fromkeys(notes))


def _example(raw: Any, name: str, notes: list[str]) -> Rubric:
    example = mapping(raw, name)
    name = str(example.get("prompt_id") or name)
    criteria = [
        _pointed(each, f"c{n}", f"{name}: criterion {n}", notes)
        for n, each in enumerate(entries(need(example, "rubrics", name), f"{name}: 'rubrics'"), start=1)
    ]
    origin = "Read from a HealthBench example (form: arXiv:2505.08775)."
    return parse({"id": name, "origin": origin, "rule": "published_clipped", "criteria": criteria}, name)


def _pointed(raw: Any, own_id: str, where: str, notes: list[str]) -> dict[str, Any]:
    found = mapping(raw, where)
    tags = [str(tag) for tag in entries(found["tags"], f"{where}: 'tags'")] if found.get("tags") else []
    axes = [tag.removeprefix(_AXIS) for tag in tags if tag.startswith(_AXIS)]
    if other := sorted({tag.split(":")[0] for tag in tags if not tag.startswith(_AXIS)}):
        notes.append(f"tags other than {_AXIS} were not carried over ({', '.join(other)})")
    notes += [note.split(": ")[-1] for note in left_out(found, ("criterion", "points", "tags"), where)]
    return {
        "id": own_id,
        "text": need(found, "criterion", where),
        "points": need(found, "points", where),
        "dimension": axes[0] if axes else None,
    }


_WEIGHT = 10  # what autorubric takes where none is given
_CANNOT = "cannot assess"
_AUTORUBRIC_KEYS = ("name", "weight", "requirement", "options", "scale_type")


def autorubric(raw: Mapping[str, Any] | list[Any], name: str = "autorubric") -> Read:
    """Return a rubric of yes/no criteria (met is yes) and of scales of options, worst first.

        criteria:
          - {name: accurate, weight: 10, requirement: "..."}
          - {name: tone, requirement: "...", options: [{label: Cold, value: 0}, {label: Warm, value: 1}]}

    The list may stand alone, under `criteria`, `sections` or `rubric`; `guidelines` beside it. There an
    answer "cannot assess" leaves its criterion out, weight and all, and the score is the weights won over the
    positive weights, clipped: `if_undecided: skip` and `published_clipped` here. Without a positive weight it
    is 1 plus the weights won over all weights, which is what `placed` gives.
    """
    notes: list[str] = []
    guidelines, listed = _inside(raw, name)
    criteria = [
        _required(each, f"c{n}", section, f"{name}: criterion {n}", notes)
        for n, (each, section) in enumerate(_flat(listed, name), start=1)
    ]
    gains = any(isinstance(c["weight"], int | float) and c["weight"] > 0 for c in criteria)
    whole = {
        "id": name,
        "origin": "Read from an autorubric file.",
        "guidelines": guidelines,
        "rule": "published_clipped" if gains else "placed",
        "criteria": criteria,
    }
    return (parse(whole, name),), tuple(notes)


def _inside(raw: Any, name: str) -> tuple[str, list[Any]]:
    """Return guidelines and criteria, from beside or inside `rubric`."""
    guidelines = ""
    while isinstance(raw, Mapping):
        guidelines = str(raw.get("guidelines") or guidelines)
        key = next((key for key in ("rubric", "sections", "criteria") if key in raw), None)
        if key is None:
            found = ", ".join(map(str, raw))
            raise InputError(f"{name}: has neither 'criteria' nor 'sections' nor 'rubric'; found {found}")
        raw = raw[key]
    return guidelines, entries(raw, f"{name}: the criteria")


def _flat(listed: list[Any], name: str) -> Iterator[tuple[Any, str | None]]:
    """Return each criterion with the name of its section, if it stands in one."""
    for each in listed:
        if isinstance(each, Mapping) and "criteria" in each:
            section = each.get("name") or each.get("title")
            for inner in entries(each["criteria"], f"{name}: section {section!r}"):
                yield inner, section
        else:
            yield each, None


def _required(raw: Any, own_id: str, section: str | None, where: str, notes: list[str]) -> dict[str, Any]:
    found = mapping(raw, where)
    notes += left_out(found, _AUTORUBRIC_KEYS, where)
    weight = found.get("weight")
    return {
        "id": found.get("name") or own_id,
        "text": need(found, "requirement", where),
        "weight": _WEIGHT if weight is None else weight,
        "dimension": section,
        "if_undecided": "skip",
        "scale": _scale(found, where, notes),
    }


def _scale(found: Mapping[str, Any], where: str, notes: list[str]) -> dict[str, Any]:
    if found.get("options") is None:
        return {"labels": ["no", "yes"], "cannot_tell": _CANNOT}
    options = [mapping(each, f"{where}: option") for each in entries(found["options"], f"{where}: 'options'")]
    ranked = [(_value(each, f"{where}: option"), each) for each in options if not each.get("na")]
    kind = found.get("scale_type") or "ordinal"
    if kind == "ordinal":
        ranked.sort(key=lambda pair: pair[0])
    absent = [need(each, "label", f"{where}: option") for each in options if each.get("na")]
    if len(absent) > 1:
        notes.append(f"{where}: of the options that do not apply only {absent[0]!r} was carried over")
    return {
        "labels": [need(each, "label", f"{where}: option") for _, each in ranked],
        "values": [value for value, _ in ranked],
        "kind": kind,
        "cannot_tell": absent[0] if absent else _CANNOT,
    }


def _value(option: Mapping[str, Any], where: str) -> float:
    value = need(option, "value", where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: 'value' should be a number from 0 to 1, found {value!r}")
    return value


def verifiers(raw: Mapping[str, Any] | list[Any], name: str = "verifiers") -> Read:
    """Return a rubric of criteria with ordered choices, from the criteria file of verifiers' rubric judge.

        [[criteria]]
        name = "cites"
        text = "Does the response cite a source?"
        weight = 2.0
        choices = ["no", "partly", "yes"]

    Choices stand worst first and are evenly spaced; the score is the weighted mean, as `placed` gives it.
    """
    listed = need(raw, "criteria", name) if isinstance(raw, Mapping) else raw
    notes = left_out(raw, ("criteria",), name) if isinstance(raw, Mapping) else []
    criteria = []
    for n, each in enumerate(entries(listed, f"{name}: the criteria"), start=1):
        where = f"{name}: criterion {n}"
        found = mapping(each, where)
        notes += left_out(found, ("id", "name", "text", "weight", "choices"), where)
        criteria.append(
            {
                "id": found.get("id") or need(found, "name", where),
                "text": need(found, "text", where),
                "weight": found.get("weight", 1),
                "scale": {"labels": found.get("choices") or ["no", "yes"]},
            }
        )
    origin = "Read from a criteria file of verifiers."
    return (parse({"id": name, "origin": origin, "criteria": criteria}, name),), tuple(notes)


@dataclass(frozen=True, slots=True)
class Imported:
    """Rubrics read from somebody else's file, an entry each; `notes` say what could not be carried over."""

    format: str
    rubrics: tuple[Rubric, ...]
    notes: tuple[str, ...] = ()

    __repr__ = brief


FORMATS: Mapping[str, Callable[[Any, str], Read]] = {
    "judgekit": lambda raw, name: ((parse(mapping(raw, name), name),), ()),
    "prometheus": prometheus,
    "healthbench": healthbench,
    "autorubric": autorubric,
    "verifiers": verifiers,
    "geval": geval,
}
"""Reader of each format, by its name."""


def import_rubric(
    source: str | Path | Mapping[str, Any] | list[Any],
    format: str | None = None,  # noqa: A002 - what everybody calls it
) -> Imported:
    """Return rubrics from a file in another project's format, or from what such a file holds.

    `source` is the path of a YAML, TOML, JSON, JSONL or text file, or a mapping or list; `format`, one of
    `FORMATS`, is told from the keys where left out.
    """
    raw, where, name = (source, "rubric", "imported") if isinstance(source, Mapping | list) else _file(source)
    chosen = format or guess(raw)
    if chosen is None:
        raise InputError(
            f"{where}: in no format known here (it holds {_outline(raw)}); "
            f"say which with format=NAME (--format NAME), one of {', '.join(FORMATS)}"
        )
    if chosen not in FORMATS:
        raise InputError(f"format {chosen!r} is not known; there are {', '.join(FORMATS)}")
    try:
        rubrics, notes = FORMATS[chosen](raw, name)
    except InputError as error:
        how = "" if format else ", by its keys"
        raise InputError(f"{where} (read as {chosen}{how}): {error}") from None
    return Imported(chosen, rubrics, notes)


def guess(raw: Any) -> str | None:
    """Return the format of what a file holds, by its keys; None if it is in none that is known."""
    if isinstance(raw, str):
        return "prometheus" if "Score 1:" in raw or "Score 0:" in raw else None
    outer = raw[0] if isinstance(raw, list) and raw else raw
    keys = set(outer) if isinstance(outer, Mapping) else set()
    first = set(_first(raw))
    if any(str(key).endswith("_description") for key in keys | first):
        return "prometheus"
    if "rubrics" in keys or "criterion" in first:
        return "healthbench"
    if "requirement" in first:
        return "autorubric"
    if keys & {"evaluation_steps", "evaluationSteps"} or (
        "criteria" in keys and isinstance(outer["criteria"], str)
    ):
        return "geval"
    if {"id", "criteria"} <= keys and "text" in first:
        return "judgekit"
    return "verifiers" if "text" in first and first & {"id", "name"} else None


def _first(raw: Any) -> Mapping[str, Any]:
    """Return the first mapping that holds no further list of criteria: a criterion, an example, a metric."""
    node = raw
    for _ in range(8):  # no format nests deeper
        if isinstance(node, list):
            node = node[0] if node else None
        elif isinstance(node, Mapping):
            deeper = [
                node[key]
                for key in ("rubric", "sections", "criteria")
                if isinstance(node.get(key), list | dict)
            ]
            if not deeper:
                return node
            node = deeper[0]
    return {}


def _outline(raw: Any) -> str:
    if isinstance(raw, Mapping):
        return f"the keys {', '.join(map(str, raw)) or 'none'}"
    if isinstance(raw, list):
        return f"a list of {len(raw)}, the first with {_outline(raw[0])}" if raw else "an empty list"
    return f"{raw!r:.40}"


def _file(source: str | Path) -> tuple[Any, str, str]:
    """Return what a file holds, its path for messages, and a name for its rubric."""
    path = Path(source)
    text = read_text(path, LARGE)
    if path.suffix in {".jsonl", ".ndjson"}:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        rows = [parse_text(line, ".json", f"{path}, line {n}") for n, line in lines]
        return rows, str(path), path.stem
    raw = parse_text(text, path.suffix, str(path)) if path.suffix in SUFFIXES else text
    return raw, str(path), path.stem
