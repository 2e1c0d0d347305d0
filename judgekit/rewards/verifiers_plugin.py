"""What verifiers finds under the id `judgekit-vf`.

It imports the top-level module of that name, so the wheel holds this file as `judgekit_vf.py` too.
"""

from typing import Any

__all__ = ["JudgekitJudge"]  # noqa: F822 - made when asked for, since it needs verifiers


def __getattr__(name: str) -> Any:
    from judgekit.rewards import verifiers

    return getattr(verifiers, name)
