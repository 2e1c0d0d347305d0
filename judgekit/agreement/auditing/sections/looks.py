"""Did a second look help: answers before and after it, beside what people say."""

from typing import Any

import numpy as np

from judgekit.agreement.auditing.section import About, Case, Figure, Section, intervals
from judgekit.agreement.bias.second_looks import SecondLook, second_look

SAYS_LOOKS = {
    "second_look": (
        "Did the second look help?",
        "Each judge was shown its own first answer and could revise it. Gain: accuracy after the second look "
        "less before, by what people say. Fixed: the share of wrong first answers that became right; broken: "
        "of right ones that became wrong. It took twice the calls.",
    ),
}


def looks(case: Case) -> SecondLook | None:
    """Answers before and after; None where nothing was looked at again, or no answer is right or wrong."""
    lab = case.lab
    found = lab.looks.get(case.judge)
    if found is None:
        return None
    if case.long:
        case.skipped.say("second_look", "on a long scale no answer is simply right or wrong")
        return None
    code = {label: float(i) for i, label in enumerate(lab.ratings.labels)}
    first, second = (
        np.array([code.get(label, np.nan) for label in own]) for own in (found.first, found.second)
    )
    truth = np.where(lab.consensus >= 0, lab.consensus, np.nan)[list(found.rows)]
    items = [lab.items[row] for row in found.rows]
    clusters = items if len(set(items)) < len(items) else None
    return second_look(truth, first, second, clusters=clusters, level=case.how.level)


def draw_looks(about: About) -> Figure | None:
    """Gain, fixed and broken of each judge that looked again."""
    found: dict[str, SecondLook] = {
        judge.judge: judge.second_look for judge in about.judges if judge.second_look is not None
    }
    notes = [
        f"{name}: right to right {each.right_right}, right to wrong {each.right_wrong}, wrong to right "
        f"{each.wrong_right}, wrong to wrong {each.wrong_wrong}; {_test(each)}"
        for name, each in found.items()
    ]
    rates = {name: [each.gain, each.fixed, each.broken] for name, each in found.items()}
    return intervals(about, "second_look", rates, notes)


def _test(found: SecondLook) -> str:
    return "no answer changed sides" if np.isnan(found.p) else f"p = {found.p:.3g}"


def _computed(case: Case) -> dict[str, Any]:
    return {"second_look": case.skipped.unless("second_look", lambda: looks(case))}


LOOKS = Section(name="second_look", says=SAYS_LOOKS, compute=_computed, of_all=draw_looks)
