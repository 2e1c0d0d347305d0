"""A verdict from the probabilities of option letters (Attentiveness: mass outside them is recorded).

The probabilities are those of the first token of the answer. A letter counts with and without a
blank before it and in both cases. The share of probability on the letters at all is the verdict's
`mass`; below 0.9 it is flagged. A judge without log-probabilities is read by the letter it writes,
and the verdict says so. Source: Wiegreffe et al. (2023), arXiv 2305.14596.
"""

import math
import re

from judgekit.types import Reply

LOW_MASS = 0.9


def weights_of(reply: Reply, letters: tuple[tuple[str, str], ...]) -> dict[str, float]:
    """Probability of each label (shares of 1; what is on no letter is left out).

    >>> reply = Reply("A", logprobs=(("A", math.log(0.6)), (" b", math.log(0.3)), ("The", math.log(0.1))))
    >>> {k: round(v, 3) for k, v in weights_of(reply, (("A", "no"), ("B", "yes"))).items()}
    {'no': 0.6, 'yes': 0.3}
    """
    by_letter = dict(letters)
    weights: dict[str, float] = {}
    for token, logprob in reply.logprobs:
        letter = token.strip("\u2581\u0120 ").upper()
        if letter in by_letter and logprob > -math.inf:
            label = by_letter[letter]
            weights[label] = weights.get(label, 0.0) + math.exp(min(logprob, 0.0))
    total = sum(weights.values())
    return {label: w / total for label, w in weights.items()} if total > 1.0 else weights


def written(text: str, letters: tuple[tuple[str, str], ...]) -> str | None:
    """The label of the letter a reply consists of, or starts with: `B`, `(B)`, `B. yes`.

    >>> written("(b)", (("A", "no"), ("B", "yes"))), written("Because", (("A", "no"), ("B", "yes")))
    ('yes', None)
    """
    found = re.match(r"[\s*_`\"'(\[]*([A-Za-z])(?![A-Za-z'\u2019])", text)
    return dict(letters).get(found[1].upper()) if found else None
