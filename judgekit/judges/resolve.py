"""From a judge's name, as it stands in a command, a table or an argument, to the judge.

provider/model          any chat model that litellm reaches
decision:provider/model a decision model that litellm reaches: probabilities, no words
endpoint:URL#model      an OpenAI-compatible server, the fast road; NAME=endpoint:URL,URL#model: several
local, local:PATH       the embedded model, or a GGUF of yours
replay:FILE             a ledger, or recorded replies as JSONL
control:longer          a rule that costs nothing
py:module:object        a judge, a function of a call, or one of nothing that makes a judge, in your own code
                        (command line only)

`NAME=` before any of them names the judge, as in `fast=endpoint:http://localhost:8000/v1#qwen3-8b`. A
table says the same with its settings: `{judge = "endpoint:...", name = "fast", key_env = "FAST_KEY"}`.
Several servers may stand in it as `{judge = "endpoint:#model", name = "fast", urls = ["http://...", ...]}`.
"""

import importlib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from judgekit.errors import InputError, did_you_mean, kind_of
from judgekit.judges.servers import MissingKey, without_addresses
from judgekit.judges.variables import check_variables, without_keys
from judgekit.roles import Checked, Judge, Tunable
from judgekit.scales import plain_number
from judgekit.types import Call, Reply, is_control

Answering = Callable[[Call], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Scripted:
    """A judge that is a function: for tests, for rules of your own, for models this package cannot reach.

    The function takes a call, may be asynchronous, and says a `Reply`, or the text of one; or plainly a
    label, a number, True or False of everything that is asked, or a mapping of what each ask is called
    (`Ask.called`) to such. What it raises is an abstention; a judge that only raises is an outage. A revision
    names this version of the function; without one, replies are not stored, since the ledger could not know
    that the function has changed.

    >>> from judgekit import score
    >>> rubric = {"id": "tone", "criteria": [{"id": "polite", "text": "Is the response polite?"}]}
    >>> run = score([{"id": "1", "task": "Hi", "response": "Hello"}], rubric, lambda call: True)
    >>> run.outcomes[0].label, run.outcomes[0].rater
    ('yes', 'lambda')
    """

    name: str
    answer: Answering
    revision: str | None = None
    identity: Mapping[str, Any] = field(init=False)
    max_tokens: int | None = field(default=0, init=False)

    def __post_init__(self) -> None:
        identity = {} if self.revision is None else {"scripted": self.name, "revision": self.revision}
        object.__setattr__(self, "identity", identity)

    async def __call__(self, call: Call, /) -> Reply:
        """Return what the function answers."""
        said = self.answer(call)
        if inspect.isawaitable(said):
            said = await said
        return said if isinstance(said, Reply) else Reply(_text(said, call), model=self.name, cost_usd=0.0)

    def cost(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - a price list's shape
        """Return 0, since a function costs nothing that is known."""
        return 0.0


def _text(said: Any, call: Call) -> str:
    """Return a plain answer in the form that was asked for; text of another kind as it is."""
    names = tuple(dict.fromkeys(ask.called for ask in call.asks))
    labels = {label for ask in call.asks for label in getattr(ask.scale, "labels", ())}
    if isinstance(said, str) and said not in labels:
        return said
    if isinstance(said, Mapping) and not set(said) & set(names):
        return orjson.dumps(dict(said)).decode()  # in the form of the reply already
    if not isinstance(said, Mapping):
        said = dict.fromkeys(names, said)
    told = {str(name): value if isinstance(value, Mapping) else {"label": _label(value)}
            for name, value in said.items()}  # fmt: skip
    if call.letters:
        label = (told.get(names[0]) or next(iter(told.values())))["label"]
        return next((letter for letter, meant in call.letters if meant == label), str(label))
    if call.schema is None:
        return "\n".join(f"{call.tag} {name}: {each['label']}" for name, each in told.items())
    one = told.get(names[0]) or next(iter(told.values()))
    return orjson.dumps(told if len(names) > 1 else one).decode()


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return plain_number(value)
    raise TypeError(
        f"a judge said {value!r:.80}, which is no Reply, text, number, True, False or mapping of such"
    )


FORMS = (
    "provider/model, decision:provider/model, endpoint:URL#model, local, local:PATH, replay:FILE, "
    "control:NAME, py:module:object (on the command line); NAME= before one of them names the judge"
)
_KINDS = ("decision", "endpoint", "local", "replay", "control", "py")
_PROVIDERS = (
    ("gpt-", "openai"), ("chatgpt", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"),
    ("claude", "anthropic"), ("gemini", "gemini"), ("mistral", "mistral"), ("magistral", "mistral"),
    ("deepseek", "deepseek"), ("grok", "xai"), ("command", "cohere"),
)  # fmt: skip
"""How names of models begin, and who serves them."""
_NAMED = re.compile(r"([^:/=#]+)=(.+)", re.DOTALL)


def resolve(
    judge: str | Judge | Mapping[str, Any],
    *,
    own_code: bool = False,
    say: Callable[[str], None] | None = None,
    name: str | None = None,
    **settings: Any,
) -> Judge:
    """Return the judge of a name, of a table, or the judge itself.

    Args:
        judge: A judge, its name in one of the forms above, or a table of `judge` (such a name) and settings;
            a table without `judge` has it in `name`.
        own_code: Whether `py:` names may import code.
        say: Takes what the embedded judge says of itself and of its download; its log where left out.
        name: What to call it.
        settings: Options of the judge that is named, such as `revision`, `key_env` or `temperature`; and
            `price`, the US dollars of a million tokens read and written: `"0.15/0.6"` or `(0.15, 0.6)`.

    Raises `InputError` if the name has none of the forms, or names something that is not there; or if the
    judge has no such setting. No user, password or path of an address is shown.

    >>> resolve("control:longer").name
    'control:longer'
    >>> resolve("fast=endpoint:http://localhost:8000/v1#qwen3-8b", key_env="FAST_KEY")
    Endpoint('http://localhost:8000', 'qwen3-8b', name='fast')
    """
    if isinstance(judge, Mapping):
        table = {**judge, **settings, **({} if name is None else {"name": name})}
        if not (form := table.pop("judge", None) or table.pop("name", "")):
            raise InputError(
                f"judge: a table of {sorted(judge)} without 'judge', which says its name; {FORMS}"
            )
        return resolve(str(form), own_code=own_code, say=say, **table)
    if name is not None:
        settings["name"] = name
    try:
        check_variables("", settings)
        if "price" in settings:
            settings |= _prices(settings.pop("price"))
        return _made(judge, settings, own_code=own_code, say=say)
    except InputError as error:
        raise type(error)(without_keys(without_addresses(str(error)))) from None


def _made(
    judge: str | Judge, settings: dict[str, Any], *, own_code: bool, say: Callable[[str], None] | None
) -> Judge:
    """Return a judge with these settings, checked if it was only named."""
    if not isinstance(judge, str):
        return _with(_judge(judge), settings)
    if given := _NAMED.fullmatch(judge):
        settings.setdefault("name", given[1].strip())
        judge = given[2].strip()
    if judge.startswith("replay:"):
        from judgekit.judges.replay import Replay

        return _with(Replay(Path(judge.removeprefix("replay:")), settings.pop("name", "")), settings)
    found = _with(_found(judge, settings, own_code=own_code, say=say), settings)
    check(found, sending=False)
    return found


def check(judge: Judge, *, sending: bool = True) -> None:
    """See that a judge can be asked, if it can tell; a key is needed only where calls are to be sent."""
    if isinstance(judge, Checked):
        try:
            judge.check()
        except MissingKey:
            if sending:
                raise


def _prices(price: Any) -> dict[str, float]:
    """Return both prices of a judge from `IN/OUT` or a pair of numbers."""
    pair = price.split("/") if isinstance(price, str) else price
    try:
        read, written = map(float, pair)
    except (TypeError, ValueError):
        raise InputError(
            f"price {price!r}; say IN/OUT, US dollars of a million tokens read and written, as in 0.15/0.6"
        ) from None
    return {"input_usd_per_million": read, "output_usd_per_million": written}


def _with(judge: Judge, settings: Mapping[str, Any]) -> Judge:
    if not settings:
        return judge
    if not isinstance(judge, Tunable):
        if settings.keys() == {"name"} and isinstance(judge, Scripted):
            return replace(judge, **settings)
        own = "; audits know a control by its name" if is_control(judge.name) else ""
        raise InputError(f"judge {judge.name!r} has no settings; found {sorted(settings)}{own}")
    return judge.with_(**settings)


def _found(
    judge: str, settings: dict[str, Any], *, own_code: bool, say: Callable[[str], None] | None
) -> Judge:
    kind, _, rest = judge.partition(":")
    if kind == "local":
        from judgekit.judges.local import Local, parse_local

        return Local(parse_local(judge)) if say is None else Local(parse_local(judge), say=say)
    if kind == "endpoint":
        from judgekit.judges.endpoints import parse_endpoint

        return parse_endpoint(judge, settings.pop("urls", ()), name=settings.get("name"))
    if kind == "decision":
        from judgekit.judges.decision import parse_decision

        return parse_decision(judge)
    if kind == "control":
        from judgekit.judges.controls import parse_control

        return parse_control(judge)
    if kind == "py":
        return _imported(judge, rest, allowed=own_code)
    if kind in {"http", "https"}:
        raise InputError(
            f"judge {judge!r}: a server is named endpoint:URL#model, as in endpoint:http://localhost:8000/v1#qwen3-8b"
        )
    if "/" in judge:
        from judgekit.judges.litellm import LiteLLM

        return LiteLLM(judge)
    raise InputError(f"judge {judge!r} {_meant(judge, kind)}")


def _meant(judge: str, kind: str) -> str:
    """Return what is wrong with a name that has none of the forms, and what it most likely should be."""
    if kind != judge:
        return f"has none of the forms {FORMS}; {did_you_mean(kind, _KINDS)}".rstrip("; ")
    provider = next((provider for begins, provider in _PROVIDERS if judge.lower().startswith(begins)), "")
    said = (
        f"did you mean '{provider}/{judge}'?" if provider else f"write who serves it, as in openai/{judge}."
    )
    return f"names no provider; {said} The forms are {FORMS}"


def imported(name: str, what: str) -> Any:
    """Return the object that `py:module:object` names; `what` it is in an error."""
    module, _, own = name.removeprefix("py:").partition(":")
    if not module or not own:
        raise InputError(f"{what}: say py:module:object")
    try:
        return getattr(importlib.import_module(module), own)
    except (ImportError, AttributeError) as error:
        on = "; modules are looked for on PYTHONPATH (PYTHONPATH=. for this folder)"
        raise InputError(f"{what}: {error}{on if isinstance(error, ImportError) else ''}") from None


def _imported(judge: str, rest: str, *, allowed: bool) -> Judge:
    if not allowed:
        raise InputError(f"judge {judge!r} imports code; allow it with own_code=True (--own-code)")
    found = imported(rest, f"judge {judge!r}")
    makes = isinstance(found, type) or not (hasattr(found, "identity") or _takes_a_call(found))
    return _judge(found() if makes and callable(found) else found, f"judge {judge!r}: ")


def _judge(found: Any, where: str = "") -> Judge:
    """Return a judge as it is, or a function of a call as one; InputError if it is neither."""
    whole = not isinstance(found, type) and hasattr(found, "name") and hasattr(found, "identity")
    if whole and callable(found):
        return found  # type: ignore[no-any-return]  # it has just been looked at
    if isinstance(found, type) or not callable(found) or not _takes_a_call(found):
        raise InputError(
            f"{where or 'judge: '}{_what(found)}; a judge is its name, a function of a call, or an object "
            "with name, identity and __call__"
        )
    return Scripted(getattr(found, "__name__", type(found).__name__).strip("<>"), found)


def _what(found: Any) -> str:
    """Return what was found where a judge is wanted, and why it is none."""
    if isinstance(found, type):
        return f"the class {found.__name__}, not an object of it"
    return f"{kind_of(found)} that cannot be called with one call" if callable(found) else kind_of(found)


def _takes_a_call(found: Any) -> bool:
    """Tell whether something may be called with a call alone."""
    try:
        inspect.signature(found).bind(None)
    except (TypeError, ValueError):
        return False
    return True
