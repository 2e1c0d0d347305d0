"""What can be told from the words of a criterion: two questions in one, praise or blame, vagueness.

English only, and only clear cases: a rule that cries wolf is switched off. Nothing here reads meaning.
"""

import re

_LONGEST = 20_000  # characters of a criterion that are looked at
_PRAISING = (
    r"polite|kind|kindly|friendly|helpful|respectful|honest|correct|correctly|accurate|accurately|true|clear|"
    r"clearly|concise|complete|completely|relevant|safe|consistent|coherent|fluent|natural|readable|useful|"
    r"good|great|excellent|perfect|strong|appropriate|thorough"
)
_PRAISE_VERB = r"answers|explains|supports|cites|fits|matches|follows"
_PRAISE = re.compile(rf"\b(?:{_PRAISING}|well|best|{_PRAISE_VERB})\b", re.IGNORECASE)
_PRAISE_STATED = re.compile(
    rf"^(?:is|are)\s+(?:\w+\s+){{0,4}}(?:{_PRAISING})\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)(?:is|are)\s+(?:\w+\s+)?(?:{_PRAISING})\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:{_PRAISE_VERB})\b",
    re.IGNORECASE,
)
_BLAME = re.compile(
    r"\b(?:no|not|none|nothing|never|nor|without|lacks?|lacking|miss|misses|missing|omit\w*|fails?|failed|failures?|"
    r"wrong\w*|errors?|mistakes?|typos?|faults?|flaws?|defects?|incorrect\w*|inaccura\w*|incomplete|inconsisten\w*|"
    r"false\w*|mislead\w*|harm\w*|danger\w*|unsafe|toxic|blam\w*|sham\w*|rude\w*|impolite|curt|insult\w*|"
    r"invent\w*|fabricat\w*|hallucinat\w*|contradict\w*|ignor\w*|irrelevant|vague|unclear|confus\w*|"
    r"repeat\w*|repetit\w*|padding|redundan\w*|verbose|unsupported|unfounded|bias\w*|offensive|slurs?|leak\w*|"
    r"refus\w*|dismiss\w*|exaggerat\w*|overstat\w*|understat\w*|unnecessar\w*|jargon|stereotyp\w*|violat\w*|"
    r"bad|badly|poor|poorly|worst|weak|worse\w*|delays?|waste\w*|preach\w*|lectures?|bur(?:y|ies|ied)|"
    r"too|only|even though|although|despite|beyond|something else|other than|outdated|nonsense|spam|"
    r"un\w+ed|mis\w+|over\w+|adds?|added|distort\w*|alarm\w*|deni\w*|deny|illegal|threat\w*|manipulat\w*|"
    r"\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_FAULTY = (
    r"rude|impolite|wrong|incorrect|inaccurate|misleading|harmful|unsafe|dangerous|irrelevant|offensive|toxic|"
    r"biased|vague|unclear|confusing|repetitive|incomplete|inconsistent"
)
_FAULTS = (
    r"errors?|mistakes?|typos?|contradictions?|falsehoods?|hallucinations?|fabrications?|insults?|slurs?|"
    r"inaccuracies|padding|repetitions?"
)
_FAULT_VERB = r"blame|insult|invent|fabricate|contradict|ignore|mislead|hallucinate|exaggerate|omit|misquote"
_FAULT_STATED = re.compile(
    rf"^(?:is|are)\s+(?:\w+\s+){{1,3}}(?:{_FAULTY})\s*[?.]?$"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:is|are)\s+(?:\w+\s+)?(?:{_FAULTY})\s*[.]?$"
    rf"|\b(?:contains?|has|have|includes?|makes?)\s+(?:\w+\s+){{0,2}}(?:{_FAULTS})\b"
    rf"|^does\s+(?:\w+\s+){{1,2}}(?:{_FAULT_VERB}|fail to)\b"
    rf"|^(?:(?:the|this)\s+\w+\s+)?(?:(?:{_FAULT_VERB})s|fails to)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:no|not|none|nothing|never|without|free|avoids?|lacks?|corrects?|fixes|instead|rather|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:good|bad|nice|great|poor|appropriate|appropriately|adequate|adequately|proper|properly|suitable|"
    r"reasonable|reasonably|acceptable|satisfactory|decent|high[- ]quality|overall quality)\b",
    re.IGNORECASE,
)
_SECOND_VERB = re.compile(
    r"\band (?:also )?(?:is|are|does|do|has|have|was|were|should|can)\b(?! so\b)", re.IGNORECASE
)
_TWO_ADJECTIVES = re.compile(
    r"\b(?:is|are)\s+((?:[\w'-]+\s+){0,4}?)([\w-]+)\s+and\s+([\w-]+)\s*[?.]?$", re.IGNORECASE
)
_NOT_AN_ADJECTIVE = re.compile(
    r"\b(?:about|of|for|with|to|in|on|by|from|between|both|at|as|than|free|where|which|that|when|and|or)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|`[^`]*`")


def compound(text: str) -> str | None:
    """Return what in a text asks two things at once; None if nothing clearly does."""
    text = " ".join(_QUOTED.sub(" ", text[:_LONGEST]).split())
    if text.count("?") > 1:
        return f"{text.count('?')} question marks"
    if "and/or" in text.lower():
        return "'and/or'"
    if found := _SECOND_VERB.search(text):
        return repr(found[0])
    if (found := _TWO_ADJECTIVES.search(text)) and not _NOT_AN_ADJECTIVE.search(f"{found[1]} {found[2]}"):
        return repr(f"{found[2]} and {found[3]}")
    return None


def polarity(text: str) -> int:
    """Return 1 if a text praises and blames nothing, -1 if it blames and praises nothing, else 0."""
    text = text[:_LONGEST]
    return bool(_PRAISE.search(text)) * (not _BLAME.search(text)) - bool(_BLAME.search(text)) * (
        not _PRAISE.search(text)
    )


def states_virtue(text: str) -> bool:
    """Tell whether a text clearly says, or asks, that something laudable is there, and names no fault.

    >>> states_virtue("Is polite"), states_virtue("States clearly that the dose is safe")
    (True, False)
    """
    return bool(_PRAISE_STATED.search(text[:_LONGEST])) and polarity(text) > 0


def states_fault(text: str) -> bool:
    """Tell whether a text clearly says, or asks, that a fault is there."""
    text = text[:_LONGEST]
    return bool(_FAULT_STATED.search(text)) and not _DENIED.search(text)


def vague(text: str) -> str | None:
    """Return the first word that every rater fills with a meaning of their own; None if there is none.

    >>> vague("Is the tone appropriate?")
    'appropriate'
    """
    found = _VAGUE.search(text, 0, _LONGEST)
    return found[0] if found else None


def contained(short: str, long: str) -> bool:
    """Tell whether one label stands in another so that a reader of free text could take it for the other."""
    if short == long or short.replace(".", "").isdigit():
        return False
    words = long.split()
    if f" {short} " in f" {' '.join(words)} ":
        return True
    return len(short) > 2 and " " not in short and any(word.endswith(short) for word in words)
