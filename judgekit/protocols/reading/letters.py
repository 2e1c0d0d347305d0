"""A verdict from the probabilities of option letters (Attentiveness: mass outside them is recorded).

The probabilities are those of the first token of the answer. A letter counts with and without a
blank before it and in both cases. The share of probability on the letters at all is the verdict's
`mass`; below 0.9 it is flagged. A judge without log-probabilities is read by the letter it writes,
and the verdict says so. Source: Wiegreffe et al. (2023), arXiv 2305.14596.
"""

import math
import re

from judgekit.protocols.reading.material import BREAK, LAST
from judgekit.scales import fold
from judgekit.types import Reply

LOW_MASS = 0.9
_AROUND = " .,:;!-=*_`\"'()[]$\u2013\u2014"


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
        # A probability may be too small for a float; nan is no probability.
        if letter in by_letter and (p := math.exp(min(logprob, 0.0))) > 0.0:
            weights[by_letter[letter]] = weights.get(by_letter[letter], 0.0) + p
    total = sum(weights.values())
    return {label: w / total for label, w in weights.items()} if total > 1.0 else weights


_LETTER = re.compile(r"[\s*_`\"'(\[>$]*+([A-Za-z])(?![A-Za-z'\u2019])[*_`\"'\])$]*+(.*)")


def written(text: str, letters: tuple[tuple[str, str], ...]) -> str | None:
    """The label of the letter that a reply's first line gives.

    `B`, `(B)`, `B.`, `B. yes`, `(B) yes`: a letter and perhaps its label. A word that happens to be one
    letter long is none ("A good reply").

    >>> written("(b)", (("A", "no"), ("B", "yes")))
    'yes'
    >>> written("A good reply", (("A", "no"), ("B", "yes"))), written("A. No.", (("A", "no"), ("B", "yes")))
    (None, 'no')
    """
    line = next((each.strip() for each in text.splitlines() if each.strip("`* \t")), "")
    if not (found := _LETTER.match(line)):
        return None
    label = dict(letters).get(found[1].upper())
    rest = fold(found[2]).strip(_AROUND)
    others = "".join(letter for letter, _ in letters if letter != found[1].upper())
    after = text[text.index(line) + len(line) :]
    if re.search(rf"(?<!\w)[{others}](?:[).:]|\W{{0,9}}$)", after, re.MULTILINE):
        return None  # another letter is put forward
    return label if label is not None and rest in {"", fold(label)} else None


def is_alone(text: str) -> bool:
    """Whether a reply has one line, and a letter in it is all it says."""
    return len(text.strip("`* \t\r\n").splitlines()) <= 1


def lines_of(letters: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Any of the letters as a judged text may put it forward: first or last in a line, or in marks."""
    names = f"[{''.join(letter for letter, _ in letters)}](?![^\\W_])"
    first = rf"(?:^|{BREAK})(?:(?!{BREAK})[\W\d_])*+{names}"
    return re.compile(
        rf"{first}|(?<![^\W_]){names}(?:{LAST})|[\"'`*_(\[{{>\u201c\u2018\u00ab]{names}", re.IGNORECASE
    )
