"""A rubric as YAML in our own form, the shortest that reads back as the same rubric."""

from typing import Any

import yaml

from judgekit.rubric.files import Yaml12
from judgekit.rubric.model import Criterion, Node, Rubric
from judgekit.scales import YES_NO, Labels, Numbers, Scale, plain_number


def to_yaml(rubric: Rubric) -> str:
    """Return a rubric in the form that `load_rubric` reads; what is as by default is left out.

    The YAML reads the same by YAML 1.1 and 1.2; its digest, id, version and origin are the rubric's.
    """
    raw: dict[str, Any] = {"id": rubric.id, "version": rubric.version}
    raw |= {name: text for name in ("origin", "guidelines") if (text := getattr(rubric, name))}
    raw |= {} if rubric.total else {"total": False}
    raw |= {} if rubric.rule == "placed" else {"rule": rubric.rule}
    raw |= {"needs": _Row(rubric.needs)} if rubric.needs else {}
    raw |= {"criteria": [_node(node) for node in rubric.criteria]}
    return yaml.dump(raw, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _node(node: Node) -> dict[str, Any]:
    if isinstance(node, Criterion):
        return _criterion(node)
    text = {"text": node.text} if node.text else {}
    weight = {} if node.weight == 1 else {"weight": _number(node.weight)}
    return {"id": node.id, **text, **weight, "criteria": [_node(each) for each in node.criteria]}


def _criterion(criterion: Criterion) -> dict[str, Any]:
    # Anchors alone would say what the scale is, so a scale stands wherever they do.
    scaled = criterion.anchors or criterion.scale != YES_NO
    weighs = criterion.weight != (0 if criterion.gate or criterion.veto else 1)  # as where nothing is said
    told = {
        "id": criterion.id,
        "text": criterion.text,
        "about": "" if criterion.about == "response" else criterion.about,
        "dimension": criterion.dimension,
        "scale": _scale(criterion.scale) if scaled else None,
        "anchors": {_label(label): text for label, text in criterion.anchors.items()},
        "weight": _number(criterion.weight) if weighs else None,
        "gate": criterion.gate and (criterion.gate == 0.5 or _number(criterion.gate)),
        "veto": criterion.veto and (criterion.veto == 0.5 or _number(criterion.veto)),
        "reference": criterion.reference,
        "tags": _Row(criterion.tags),
        "needs": _Row(criterion.needs),
        "if_undecided": "" if criterion.if_undecided == "abstain" else criterion.if_undecided,
    }
    return {name: value for name, value in told.items() if value}


def _scale(scale: Scale) -> Any:
    other = {"cannot_tell": scale.cannot_tell} if scale.cannot_tell else {}
    if isinstance(scale, Numbers):
        step = {} if scale.step is None else {"step": _number(scale.step)}
        return {"low": _number(scale.low), "high": _number(scale.high), **step, **other}
    row = _Row(map(_label, scale.labels))
    if scale == YES_NO:
        return "yes_no"
    if scale == Labels(labels=scale.labels):
        first, last = scale.labels[0], scale.labels[-1]
        counted = isinstance(row[0], int) and row == list(range(row[0], row[0] + len(row)))
        return f"{first}-{last}" if counted and row[0] >= 0 and len(row) <= 11 else row
    even = Labels(labels=scale.labels).values
    values = {} if scale.values == even else {"values": _Row(map(_number, scale.values))}
    kind = {} if scale.kind == "ordinal" else {"kind": scale.kind}
    return {"labels": row, **values, **kind, **other}


def _number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _label(label: str) -> int | str:
    """Return a label of digits as the integer that reads back as the same digits."""
    short = label.isascii() and label.isdigit() and len(label) < 10
    return int(label) if short and plain_number(int(label)) == label else label


class _Row(list[Any]):
    """A list that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 would take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - yaml's signature
        """Tell yaml to write equal values out twice, not as references."""
        return True


for _first, _resolvers in Yaml12.yaml_implicit_resolvers.items():
    for _tag, _pattern in _resolvers:
        _Dumper.add_implicit_resolver(_tag, _pattern, [_first])


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    if len(lines) > 1 and all(line.isprintable() and line == line.rstrip() for line in lines):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)
)
