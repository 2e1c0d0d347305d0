"""Lexical metrics on [0, 1] of a response against a reference, for controls.

None where a metric has nothing to go by. The two that come from packages are made by functions,
so that a package that is not there is missed before any call is made.
"""

import re
import string
from collections import Counter
from collections.abc import Callable

from rapidfuzz.distance import LCSseq

from judgekit.errors import InputError
from judgekit.scales import fold

Metric = Callable[[str, str], float | None]
"""From a response and a reference to a value on [0, 1]."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MOST = 100_000_000  # words of a response times words of its reference
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_metric(response: str, reference: str) -> float:
    """1 if both are the same text, case, blanks and compatibility forms aside.

    >>> exact_metric(" Paris ", "paris"), exact_metric("Paris.", "paris")
    (1.0, 0.0)
    """
    return float(fold(response) == fold(reference))


def contains_metric(response: str, reference: str) -> float:
    """1 if the reference stands in the response, case, blanks and compatibility forms aside.

    >>> contains_metric("It is Paris.", "paris")
    1.0
    """
    return float(fold(reference) in fold(response))


def f1_metric(response: str, reference: str) -> float:
    """F1 of the words both share, without case, ASCII punctuation and English articles.

    Source:
        Rajpurkar et al. (2016), arXiv 1606.05250, as their evaluation script computes it: where one side
        has no word left, 1 if neither has, else 0.

    >>> round(f1_metric("The cat sat.", "a cat sat down"), 3)
    0.8
    """
    ours, theirs = _squad_words(response), _squad_words(reference)
    if not ours or not theirs:
        return float(ours == theirs)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs))


def rouge_metric() -> Metric:
    """ROUGE-L F1 without stemming, by the package rouge-score.

    It knows words of a-z and 0-9 only: None where the reference has none, as in Chinese, and where a response
    and its reference have more than 10,000 words each. The words are the package's; what they share is found
    by rapidfuzz, since the package takes seconds for what that does in milliseconds.

    Raises:
        InputError: If the package is not there.
    """
    try:
        from rouge_score.tokenize import tokenize
    except ImportError:
        raise InputError(_MISSING.format("rouge_l", "rouge-score")) from None

    def rouge_l(response: str, reference: str) -> float | None:
        ours, theirs = tokenize(response, None), tokenize(reference, None)
        if not theirs or len(ours) * len(theirs) > _MOST:
            return None
        return 2 * LCSseq.similarity(ours, theirs) / (len(ours) + len(theirs))

    return rouge_l


def chrf_metric() -> Metric:
    """ChrF (characters up to 6, beta 2), by the package sacrebleu, divided by 100.

    Raises:
        InputError: If the package is not there.
    """
    try:
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise InputError(_MISSING.format("chrf", "sacrebleu")) from None
    scorer = CHRF()

    def chrf(response: str, reference: str) -> float:
        return min(1.0, float(scorer.sentence_score(response, [reference]).score) / 100)

    return chrf


_MISSING = "control:{0} needs the package {1}; install judgekit with the extra 'lexical'"


def _squad_words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()
