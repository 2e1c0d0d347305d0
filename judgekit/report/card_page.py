"""The pages of a judge's card: HTML, Markdown and JSON, all made of what the JSON holds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from judgekit.agreement.auditing.wording import told
from judgekit.errors import InputError, n_of
from judgekit.report.card_bounds import estimate_of
from judgekit.report.draw import shown
from judgekit.report.page import STACKED, TONES, cell, quoted, table, words
from judgekit.report.uses import USES, Use, worst_of
from judgekit.shelf import render
from judgekit.writing import beside

Held = Mapping[str, Any]
FOUND = {"fault": "FAULT", "slight": "small", "open": "not shown", "held": "none"}
"""The state of a probe, in a word."""
_TONES = {"fault": "no", "slight": "open", "open": "quiet", "held": "yes"}
_FIRST = 6  # of faults, and of what to do, that are shown on top


def write_card(
    held: Held, path: str | Path, *, command: str = "", reads: Iterable[str | Path] = ()
) -> tuple[Path, ...]:
    """Write a card: a page (`.html`) with `.json` and `.md` files beside it, or one of these two alone."""
    target = Path(path)
    made = {
        ".html": lambda: page(held, command=command),
        ".md": lambda: markdown(held),
        ".json": lambda: as_json(held),
    }
    if target.suffix not in made:
        raise InputError(f"{target}: a card is a page (.html), Markdown (.md) or JSON (.json); name it so")
    kinds = list(made) if target.suffix == ".html" else [target.suffix]
    texts = [made[kind]() for kind in kinds]
    targets = tuple(target.with_suffix(kind) for kind in kinds)
    with beside(*targets, reads=reads) as files:
        for file, text in zip(files, texts, strict=True):
            file.write(text.encode())
    return targets


def as_json(held: Held) -> str:
    """Return all of a card as JSON."""
    return json.dumps(held, ensure_ascii=False, indent=1) + "\n"


def page(held: Held, *, command: str = "") -> str:
    """Return the page, as HTML."""
    return render("report/card.html", {
        **_parts(held), "most": _FIRST, "command": command,
        "tones": TONES, "purposes": USES, "meanings": words("verdicts"),
        "found_tone": _TONES, "found_words": FOUND, "sentence": _sentence, "ends": _ends, "drawn": _drawn,
        "percent": percent, "shown": shown, "quoted": quoted, "stacked": STACKED,
    })  # fmt: skip


def _parts(held: Held) -> dict[str, Any]:
    """Return what a card shows, part by part."""
    judge, known = held["judge"], uses_of(held)
    worst, against = list(worst_of(known).values()), held.get("against")
    rows = [(each.criterion, USES[each.purpose], each.verdict, _sentence(each.why)) for each in known]
    order = list(FOUND)
    probes = sorted(
        held["probes"], key=lambda each: (order.index(each["state"]), -abs(each["shift"]["value"] or 0))
    )
    return {
        "title": f"What may {judge['name']} be used for?",
        "lead": _lead(held),
        "judge": judge,
        "faults": held["faults"],
        "against": against,
        "drift_rows": [] if against is None else _drift_rows(against),
        "differing": [] if against is None else [(k, *pair) for k, pair in against["differs"].items()],
        "worst": worst,
        "several": rows if len({each.criterion for each in known}) > 1 else [],
        "first": list(dict.fromkeys(line for each in worst for line in (*each.do, *each.change)))[:_FIRST],
        "required": [_required(each) for each in held.get("required", ())],
        "agreement": [
            (each["criterion"], _ends(each["agreement"]), each["name"], _people(each), each["units"])
            for each in held["agreement"]
        ],
        "plain_words": [f"{e['criterion']}: {e['plainly']}" for e in held["agreement"] if e["plainly"]],
        "rules": [
            (each["criterion"], rule["name"], _ends(rule["difference"]), _beaten(rule["difference"]))
            for each in held["agreement"]
            for rule in each["rules"]
        ],
        "notes": held["notes"],
        "probes": probes,
        "moving": [each for each in probes if each["state"] in {"fault", "slight"}],
        "still": [each for each in probes if each["state"] not in {"fault", "slight"}],
        "left_out": _left_out(held["left_out"]),
        "facts": _facts(held),
    }  # fmt: skip


def _left_out(left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the names of probes that were not asked, and why, by reason."""
    reasons = dict.fromkeys(left_out.values())
    return [(", ".join(name for name, each in left_out.items() if each == why), why) for why in reasons]


def uses_of(held: Held) -> list[Use]:
    """Return the uses of a card by its JSON."""
    lists = ("faults", "do", "change")
    return [Use(**{**each, **{name: tuple(each[name]) for name in lists}}) for each in held["uses"]]


def _lead(held: Held) -> str:
    faults = sum(each["state"] == "fault" for each in held["probes"])
    labels = "against people's labels" if held["labelled"] else "without labels"
    rubric = held["judge"]["rubric"]
    return (
        f"{held['judge']['name']}, by the rubric {rubric['id']} ({rubric['digest'][:12]}), {labels}: "
        f"{n_of(faults, 'fault')} in {n_of(len(held['probes']), 'probe')} of {n_of(held['items'], 'item')}."
    )


def _facts(held: Held) -> dict[str, str]:
    """Return who a judge is, by name."""
    judge = held["judge"]
    rubric, models, silent = judge["rubric"], judge["models"], judge["abstentions"]
    cost, seconds, calls = (
        judge[name] for name in ("cost_usd_a_verdict", "seconds_a_call", "calls_a_verdict")
    )
    price = [
        "price unknown" if cost is None else f"${cost:.6f}",
        *([] if calls is None else [f"{calls:.2f} calls"]),
        *([] if seconds is None else [f"{seconds:.2f} s a call"]),
    ]
    missing = ", ".join(f"{n} {why}" for why, n in silent.items()) or "none"
    return {
        "judge": judge["name"],
        "model as resolved": ", ".join(f"{name} ({n_of(n, 'call')})" for name, n in models.items())
        or "unknown",
        "settings": ", ".join(f"{name}: {value}" for name, value in judge["settings"].items()) or "none",
        "rubric": f"{rubric['id']}, version {rubric['version']}, {rubric['digest'][:16]}",
        "prompts": ", ".join(f"{name} {digest[:16]}" for name, digest in judge["prompts"].items()),
        "asked": f"{judge['protocol']}, {judge['form']}, {n_of(judge['samples'], 'sample')}",
        "calls": f"{judge['calls']}, {judge['stored']} of them from the ledger",
        "verdicts": f"{judge['verdicts']}; answers without one: {missing}",
        "a verdict takes": ", ".join(price),
        "items probed": str(held["items"]),
        "anchors": str(len(held["anchors"])),
        "date": judge["date"],
        "seed": str(held["seed"]),
    }


def _drift_rows(against: Held) -> list[tuple[str, str, str]]:
    names = {"moved": "anchors that moved", "level": "mean change", "silenced": "anchors that fell silent"}
    rows = [(said, _ends(against[name]), f"{against['p'][name]:.2g}") for name, said in names.items()]
    lost = f"{against['n']} anchors; {against['n_lost']} only in one card, or changed"
    return [
        *rows,
        ("anchors that moved when the old one was asked again", _ends(against["noise"]), ""),
        ("compared", lost, ""),
    ]


def _people(each: Held) -> str:
    return "trusted labels" if each["trusted"] else _ends(each["people"])


def _required(each: Held) -> tuple[str, str, str, str]:
    value, low, high = (("none" if each[k] is None else f"{each[k]:.3f}") for k in ("value", "low", "high"))
    ends = "none" if "none" in {low, high} else f"{low} to {high}"
    return each["bound"], value, ends, "yes" if each["met"] else f"no: {each['why']}"


def _ends(estimate: Held) -> str:
    return told(estimate_of(estimate))


def _beaten(difference: Held) -> str:
    low, high = difference["low"], difference["high"]
    return "not known" if low is None else "yes" if low > 0 else "no" if high <= 0 else "not established"


def _drawn(estimate: Held) -> dict[str, float | None] | None:
    """Return where a shift is drawn, 0 at 100 and 1 at 196; None where there is none."""
    if estimate["value"] is None:
        return None
    ends = {name: estimate[name] for name in ("value", "low", "high")}
    return {
        name: None if x is None else round(100 + 96 * min(max(x, -1.0), 1.0), 1) for name, x in ends.items()
    }


def percent(value: float | None) -> str:
    """Return a share as a percentage; nothing where there is none."""
    return "" if value is None else f"{value:.0%}"


def _sentence(text: str) -> str:
    """Return a text as a sentence begins, without the full stop it may have."""
    return text[:1].upper() + text[1:].rstrip(".")


def markdown(held: Held) -> str:
    """Return the card in Markdown."""
    p = _parts(held)
    lines = [f"# {cell(p['title'])}", "", cell(p["lead"]), ""]
    lines += [f"- {cell(_sentence(each))}." for each in p["faults"]]
    if (against := p["against"]) is not None:
        word = "CHANGED" if against["alarm"] else "NO CHANGE SHOWN"
        lines += [
            "",
            "## Against the earlier card",
            "",
            f"**{word}.** {cell(_sentence(against['says']))}.",
            "",
        ]
        lines += table(("measured", "found", "chance of as much if nothing had changed"), p["drift_rows"])
        lines += ["", *table(("what differs", "earlier", "now"), p["differing"])] if p["differing"] else []
        for name, said in (("faults", "new"), ("gone", "earlier")):
            lines += (
                ["", f"Faults that only the {said} card shows: {cell(', '.join(against[name]))}."]
                if against[name]
                else []
            )
    lines += ["", "## What it may be used for"]
    for each in p["worst"]:
        lines += ["", f"**To {USES[each.purpose]}: {each.verdict}.** {cell(_sentence(each.why))}.", ""]
        lines += [f"- do: {cell(line)}" for line in each.do]
        lines += [f"- to change it: {cell(line)}" for line in each.change]
    found = [
        (
            each["probe"], FOUND[each["state"]], _ends(each["shift"]), percent(each["moved"]["value"]),
            percent(each["noise"]["value"]), each["n"], _sentence(each["says"]),
        )
        for each in p["probes"]
    ]  # fmt: skip
    sections: list[tuple[str, str, Sequence[Any]]] = [
        ("By criterion", "criterion, use, verdict, why", p["several"]),
        ("What was required", "required, found, 95 % interval, met", p["required"]),
        ("Agreement with people", "criterion, agreement, coefficient, people, units", p["agreement"]),
        ("Beside rules that cost nothing", "criterion, rule, judge less rule, beaten", p["rules"]),
        ("What moves it", "probe, found, shift, moved, asked again, units, what that says", found),
        ("Not asked", "probe, why", p["left_out"]),
        ("Who the judge is", "what, found", list(p["facts"].items())),
    ]
    for title, heads, rows in sections:
        lines += ["", f"## {title}", "", *table(heads.split(", "), rows)] if rows else []
    return "\n".join([*lines, ""])
