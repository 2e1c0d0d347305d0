"""`judgekit demo`."""


def demo() -> None:
    """Score a small set of real items on the embedded judge and the controls, without a key."""
