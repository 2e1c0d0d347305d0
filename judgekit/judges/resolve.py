"""From a judge's name, as it stands in a command or an argument, to the judge.

provider/model          any chat model that litellm reaches
decision:provider/model a decision model that litellm reaches: probabilities, no words
endpoint:URL#model      an OpenAI-compatible server, the fast road
local, local:PATH       the embedded model, or a GGUF of yours
replay:FILE             a ledger, or recorded replies as JSONL
control:longer          a rule that costs nothing
py:module:object        a judge, or a function that makes one, in your own code (command line only)
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from judgekit.errors import InputError
from judgekit.roles import Judge

FORMS = (
    "provider/model, decision:provider/model, endpoint:URL#model, local, local:PATH, replay:FILE, "
    "control:NAME, py:module:object (on the command line)"
)


def resolve(judge: str | Judge, *, own_code: bool = False, say: Callable[[str], None] | None = None) -> Judge:
    """The judge of a name, or the judge itself.

    Args:
        judge: A judge, or its name in one of the forms above.
        own_code: Whether `py:` names may import code.
        say: Takes what the embedded judge says of itself and of its download; its log where left out.

    Raises:
        InputError: If the name has none of the forms, or names something that is not there.

    >>> resolve("control:longer").name
    'control:longer'
    """
    if not isinstance(judge, str):
        return judge
    kind, _, rest = judge.partition(":")
    if kind == "local":
        from judgekit.judges.local import Local, parse_local

        return Local(parse_local(judge)) if say is None else Local(parse_local(judge), say=say)
    if kind == "endpoint":
        from judgekit.judges.endpoint import parse_endpoint

        return parse_endpoint(judge)
    if kind == "decision":
        from judgekit.judges.decision import parse_decision

        decider = parse_decision(judge)
        decider.check()
        return decider
    if kind == "control":
        from judgekit.judges.controls import parse_control

        return parse_control(judge)
    if kind == "replay":
        from judgekit.judges.replay import Replay

        return Replay(Path(rest))
    if kind == "py":
        return _imported(judge, rest, allowed=own_code)
    if "/" in judge:
        from judgekit.judges.litellm import LiteLLM

        model = LiteLLM(judge)
        model.check()
        return model
    raise InputError(f"judge {judge!r} has none of the forms {FORMS}")


def _imported(judge: str, rest: str, *, allowed: bool) -> Judge:
    module, _, name = rest.partition(":")
    if not allowed:
        raise InputError(f"judge {judge!r}: from Python, import the object and hand it over")
    if not module or not name:
        raise InputError(f"judge {judge!r}: say py:module:object")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"judge {judge!r}: {error}") from None
    made = found() if isinstance(found, type) or not hasattr(found, "identity") else found
    if not (hasattr(made, "name") and hasattr(made, "identity") and callable(made)):
        raise InputError(
            f"judge {judge!r}: a {type(made).__name__}, which has no name, identity and __call__"
        )
    return made  # type: ignore[no-any-return]  # it has just been looked at
