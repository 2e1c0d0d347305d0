"""Probes that change the response: what says nothing must not move its score, what ruins it must."""

from judgekit.probes.records import At, Probe, on_response

PADDING = (
    "It is worth taking a moment to consider this from several sides before going on.",
    "There is, as so often, more than one thing that could be said here.",
    "All of this should be kept in mind when reading what follows and what came before.",
)


def padded(text: str, _: At) -> str | None:
    """Return a text with sentences behind it that say nothing, about as long as it is."""
    if not text.strip():
        return None
    added: list[str] = []
    while sum(map(len, added)) < len(text):
        added.append(PADDING[len(added) % len(PADDING)])
    return f"{text}\n\n{' '.join(added)}"


def shuffled(text: str, at: At) -> str | None:
    """Return a text with its words in another order."""
    words = text.split()
    if len(words) < 4:
        return None
    at.lots.shuffle(words)
    return " ".join(words)


RESPONSE = (
    Probe(
        name="padding", group="length", what="Adds sentences that say nothing, and makes it twice as long.",
        change=on_response(padded), says="pays for length", source="Wei et al. (2024), arXiv 2408.13006",
        remedy="Hold length fixed, or compare responses of like length.",
    ),
    Probe(
        name="shuffle", group="ruin", what="Puts the words into another order.", expects="fall",
        change=on_response(shuffled), says="does not read", source="Kabra et al. (2021), arXiv 2109.11728",
        remedy="Do not let this judge stand alone.",
    ),
)  # fmt: skip
