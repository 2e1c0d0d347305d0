"""Asked again with its own answer in view: what became of a judge's right answers, and of its wrong ones.

A second look is not presumed to help: it mends wrong answers and breaks right ones, and only the difference
of the two is a gain, for twice the calls.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from judgekit.agreement.association.comparing import compare_accuracies
from judgekit.agreement.core.arrays import Clusters, aligned
from judgekit.agreement.core.intervals import share
from judgekit.types import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """Answers before and after a second look, beside trusted labels.

    Args:
        gain: Accuracy of the second answers less that of the first, with its paired interval; `p` is
            McNemar's mid-p of it (with clusters a sign-flip test's), nan where no answer changed sides.
        fixed: The share of wrong first answers that became right; `broken` of right ones that became wrong.
        right_right: Answers that were right and stayed so; and the three others of the two by two.
        lost: Answers without a second one, or without a label, which are left out.
    """

    gain: Estimate
    p: float
    fixed: Estimate
    broken: Estimate
    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int
    lost: int

    @property
    def sentence(self) -> str:
        """In words."""
        wrong, right = self.wrong_right + self.wrong_wrong, self.right_right + self.right_wrong
        mended = f"mended {self.wrong_right} of {wrong} wrong answers"
        broke = f"broke {self.right_wrong} of {right} right ones"
        gain = f"gain {self.gain.value:+.3f} [{self.gain.low:+.3f}, {self.gain.high:+.3f}]"
        return f"the second look {mended} and {broke}: {gain}, for twice the calls"


def second_look(
    truth: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    clusters: Clusters = None,
    level: float = 0.95,
) -> SecondLook:
    """What a second look did to a judge's answers.

    `truth`, `first` and `second` have shape (n_answers,): labels as numbers; nan where missing. `clusters`
    are items, where an item has several answers.

    >>> found = second_look([1] * 100, [1] * 60 + [0] * 40, [1] * 55 + [0] * 5 + [1] * 20 + [0] * 20)
    >>> round(found.gain.value, 2), found.wrong_right, found.right_wrong, round(found.p, 4)
    (0.15, 20, 5, 0.0025)
    >>> found.sentence.partition(":")[0]
    'the second look mended 20 of 40 wrong answers and broke 5 of 60 right ones'
    """
    y, a, b = aligned(truth=truth, first=first, second=second)
    kept = ~(np.isnan(y) | np.isnan(a) | np.isnan(b))
    was, now = (a == y)[kept], (b == y)[kept]
    broken, fixed = int((was & ~now).sum()), int((~was & now).sum())
    compared = compare_accuracies(y, b, a, clusters=clusters, level=level)
    return SecondLook(
        gain=compared.difference, p=compared.tests[0].p if compared.tests else float("nan"),
        fixed=share(fixed, int((~was).sum()), name="fixed", level=level),
        broken=share(broken, int(was.sum()), name="broken", level=level), right_right=int((was & now).sum()),
        right_wrong=broken, wrong_right=fixed, wrong_wrong=int((~was & ~now).sum()), lost=int((~kept).sum()),
    )  # fmt: skip
