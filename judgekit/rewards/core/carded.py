"""Cards of judges that give rewards: one that can be talked into a reward is refused before any call.

A card is what `judgekit card` writes. A policy finds whatever pays, so that a judge whose card says not to
use it for rewards, or that was never attacked, is not let near one unless the caller says so.
"""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from judgekit.errors import InputError
from judgekit.probes.results import held_card

CardFaults = Literal["refuse", "allow"]


def check_cards(
    cards: Iterable[str | Path], judges: Sequence[str], *, faults: CardFaults = "refuse", rubric: str = ""
) -> None:
    """Refuse judges by their cards: InputError, which names the card and what would do.

    Where `faults` are allowed it is a warning; `rubric` is the digest of what rewards are given by.
    """
    held = {str(path): held_card(path) for path in cards}
    told = [why for path, card in held.items() for why in _against(path, card, judges)]
    named = {card["judge"]["name"] for card in held.values()}
    told += [f"judge {judge!r} has none of the cards" for judge in judges if held and judge not in named]
    for why in told:
        if faults == "refuse":
            raise InputError(f"{why}; take another judge, or say card_faults='allow'")
        warnings.warn(why, stacklevel=3)
    for path, card in held.items():
        if rubric and card["judge"]["rubric"]["digest"] != rubric:
            warnings.warn(f"{path}: is of another rubric, {card['judge']['rubric']['id']!r}", stacklevel=3)


def _against(path: str, card: Any, judges: Sequence[str]) -> list[str]:
    name = card["judge"]["name"]
    if name not in judges:
        return [f"{path}: is the card of {name!r}, and rewards are given by {', '.join(judges)}"]
    worst = [each for each in card["uses"] if each["purpose"] == "reward" and each["verdict"] == "DO NOT USE"]
    if worst:
        return [f"{path}: {name!r} is not to give rewards: {worst[0]['why']}"]
    if not any(each["group"] == "attack" for each in card["probes"]):
        return [f"{path}: {name!r} was not attacked (judgekit card --only attack, or all probes)"]
    return []
