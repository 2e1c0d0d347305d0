"""Whose replies they are: what of a judge goes into the ledger's key, and what judges may be in one run.

An identity holds the model, where it is asked, and the settings that have a meaning known here; of all
other settings only a digest, and of what goes by the name of a secret nothing. So no key can get into
a ledger or `run.json`, while a changed setting is a changed judge.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from judgekit.errors import InputError
from judgekit.judges.servers import is_secret
from judgekit.roles import Judge, Keyed

_SHOWN = frozenset(
    {
        "best_of", "budget_tokens", "chat_template_kwargs", "effort", "enable_thinking", "enabled", "exclude",
        "frequency_penalty", "ignore_eos", "include_reasoning", "length_penalty", "logit_bias", "max_tokens",
        "min_p", "min_tokens", "num_ctx", "presence_penalty", "priority", "quantizations", "reasoning",
        "reasoning_effort", "repetition_penalty", "repeat_penalty", "seed", "service_tier",
        "skip_special_tokens", "stop", "stop_token_ids", "temperature", "thinking", "top_a", "top_k", "top_p",
        "truncate_prompt_tokens", "type", "typical_p", "verbosity",
    }
)  # fmt: skip


def identity_of(
    adapter: str,
    model: str,
    settings: Mapping[str, Any],
    *,
    address: str = "",
    name: str | None = None,
    revision: str | None = None,
) -> dict[str, Any]:
    """What makes a judge's replies its own.

    Args:
        adapter: How it is asked, with a version.
        model: As it is asked for.
        settings: What is sent beside the call.
        address: Where it is asked, without a secret; empty where the model says so (a provider's).
        name: A name that the user gave; stands in the address's place.
        revision: The same of a revision, which is told apart where there is no address, too.

    Raises:
        InputError: If a setting cannot be written as JSON.

    >>> identity_of("endpoint/1", "m", {"top_k": 1, "api_key": "x"}, address="http://a:1/v1")
    {'adapter': 'endpoint/1', 'model': 'm', 'address': 'http://a:1/v1', 'top_k': 1}
    >>> identity_of("endpoint/1", "m", {"user": "me"}, address="http://a:1/v1", name="fast", revision="2")
    {'adapter': 'endpoint/1', 'model': 'm', 'name': 'fast', 'revision': '2', 'others': 'c21257b68bccd2e6'}
    """
    identity = {"adapter": adapter, "model": model}
    if address and name is None and revision is None:
        identity["address"] = address
    if address and name is not None:
        identity["name"] = name
    if revision is not None:
        identity["revision"] = revision
    shown = {key: value for key, value in settings.items() if key in _SHOWN and _is_plain(value)}
    others = {key: value for key, value in settings.items() if key not in shown}
    identity |= shown
    if others := _without_secrets(others):
        identity["others"] = _digest(others, model)
    return identity


def check_together(judges: Iterable[Judge]) -> None:
    """See that judges may be in one run: none would speak for another, and no key goes to two servers.

    Raises:
        InputError: If not; names the judges and says what would do.
    """
    by_name: dict[str, Judge] = {}
    by_identity: dict[bytes, str] = {}
    hosts: dict[str, tuple[str, str]] = {}
    for judge in judges:
        other = by_name.setdefault(judge.name, judge)
        if other is not judge and dict(other.identity) != dict(judge.identity):
            raise InputError(
                f"two judges are called {judge.name!r}, so one would be asked for both; give one another "
                "name: NAME=JUDGE where it is named by a text, name=... in Python and in TOML tables"
            )
        if judge.identity:
            raw = orjson.dumps(judge.identity, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
            if (same := by_identity.setdefault(raw, judge.name)) != judge.name:
                raise InputError(
                    f"judges {same!r} and {judge.name!r} are one to the ledger ({dict(judge.identity)}), so "
                    "one would repeat the other's replies; leave one out, ask one judge for samples, or "
                    "give each a revision of its own"
                )
        if isinstance(judge, Keyed) and (sent := judge.key_goes_to()) is not None:
            variable, host = sent
            first, taken = hosts.setdefault(variable, (host, judge.name))
            if first != host:
                raise InputError(
                    f"the key in ${variable} would go to two servers, {first} (judge {taken!r}) and {host} "
                    f"(judge {judge.name!r}); name a variable for each judge by key_env ('' sends none; "
                    f"on the command line --key-env {judge.name}=VARIABLE)"
                )


def _is_plain(value: object) -> bool:
    """Whether a setting can be shown: numbers, words of a list known here, and mappings of them."""
    if isinstance(value, Mapping):
        return all(
            _is_plain(v) and (not isinstance(v, str) or k in _SHOWN) for k, v in value.items()
        ) and not any(is_secret(str(key)) and key not in _SHOWN for key in value)
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | float | str)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _without_secrets(v) for k, v in value.items() if k in _SHOWN or not is_secret(str(k))}
    return [_without_secrets(each) for each in value] if isinstance(value, list | tuple) else value


def _digest(settings: Mapping[str, Any], model: str) -> str:
    try:
        raw = orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise InputError(f"judge {model!r}: extra cannot be written as JSON: {error}") from None
    return hashlib.sha256(raw).hexdigest()[:16]
