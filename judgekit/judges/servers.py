"""What may be shown of a server and a judge's settings, and what servers say beside their replies."""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson

from judgekit.errors import InputError
from judgekit.roles import Judge, Keyed


class InUse(InputError):  # noqa: N818 - who is told asks with a copy
    """A judge has its connections open in another event loop."""


class MissingKey(InputError):  # noqa: N818 - what is wrong
    """A judge's key is in no environment variable where it is looked for."""


REQUEST_ID = "X-Request-Id"
"""The header by which a request is named, which some servers repeat."""
KEEP_ALIVE = "keep_alive"
"""What a server is said to refuse that sends replies nobody asked for."""
STRAYS = "stray replies, since the first of which the server is asked one request a connection"
ANOTHERS = "the reply that came is another request's"
KEYLIKE = re.compile(
    r"(?:(?<=bearer )|(?<=basic ))\S+"
    r"|(?:(?<=\bkey=)|(?<=_key=)|(?<=-key=)|(?<=token=))[^\s&'\"]+"
    r"|\b(?:sk|pk|gsk|xai|hf|r8|nvapi|pplx|fw)[-_][\w*.-]{6,}"
    r"|\bAIza[\w-]{10,}|\bAKIA[A-Z0-9]{12,}",
    re.IGNORECASE,
)

_SECRET = re.compile(
    r"key(_|\b)|token(?!s|iz)|secret|passw|pwd|credential|authori[sz]ation|cookie|bearer|signature|\bauth|_auth",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"|v\d+(?:(?:alpha|beta)\d*)?|ai|api|chat|compat|compatible-mode|deployments|endpoints|engines|inference|llm"
    r"|models?|openai|paas|projects|proxy|serverless|serving-endpoints"
)
"""Parts of an address's path that are no token."""
_URL = re.compile(r"(\b\w{1,40}://|https?:)(?:\S*@)?([^/\s?#'\"]*)[^\s'\"]*")
_EXAMPLES = {"http://localhost:8000/v1", "http://host:port/v1", "https://host/v1"}
"""Addresses that stand in messages of ours, to show how one is written."""
_LONGEST = 4000  # letters of an error that are looked at, once the keys are out of it


def address_of(url: str, what: str) -> tuple[str, str]:
    """Return a base URL's origin, which may be shown, and its path, which may not: some hold a token.

    One that is no http URL, or holds a user, a password or a query, is an InputError, which calls it `what`
    and shows its scheme and host only.
    """
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # its message repeats the URL, and with it a password
        raise InputError(f"{what} cannot be read; its port or its brackets are wrong") from None
    if "@" in parts.path:  # a user or password with a slash in it, which must not be shown
        raise InputError(f"{what} holds an @ behind a slash; write a slash in a password as %2F")
    where = f"{what} ({parts.scheme or 'no scheme'}, host {parts.hostname or 'missing'})"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"{where} must be of the form http://host:port/v1 or https://host/v1")
    if "@" in parts.netloc:
        raise InputError(f"{where} holds a user or password; name the key's environment variable by key_env")
    if parts.query or parts.fragment:
        raise InputError(f"{where} holds a query or fragment; give the base URL alone, and a key by key_env")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{host}{port}", path


def login_of(url: str) -> tuple[str, str, str]:
    """Return a URL without its user and password, and both of them.

    >>> login_of("http://me:pass%2Fword@host/v1")
    ('http://host/v1', 'me', 'pass/word')
    """
    scheme, slashes, rest = url.strip().partition("//")
    netloc, slash, path = rest.partition("/")
    login, at, host = netloc.rpartition("@")
    if not slashes or not at:
        return url, "", ""
    user, _, password = login.partition(":")
    return f"{scheme}//{host}{slash}{path}", unquote(user), unquote(password)


def shown_address(origin: str, path: str) -> str:
    """Return an address as it may be shown and kept: of a part of its path that may be a token, a digest.

    >>> shown_address("https://host:443", "/v1"), shown_address("http://a:80", "/t0k3n/openai/v1")
    ('https://host/v1', 'http://a/~b81c829a/openai/v1')
    """
    usual = {"http": ":80", "https": ":443"}[origin.partition(":")[0]]
    digests = {token: sha256(token.encode()).hexdigest()[:8] for token in tokens_in(path)}
    parts = [f"~{digests[part]}" if part in digests else part for part in path.split("/")]
    return origin.removesuffix(usual) + "/".join(parts)


def tokens_in(path: str) -> list[str]:
    """Return the parts of an address's path that may be tokens."""
    return [part for part in path.split("/") if not _PLAIN.fullmatch(part)]


def without_addresses(text: str) -> str:
    """Return a text whose URLs end with their hosts, and hold no user or password.

    >>> without_addresses("judge 'http://me:pass@host/t0k3n#m' has no form")
    "judge 'http://host/...' has no form"
    """
    return _URL.sub(lambda m: m[0] if m[0].partition("#")[0] in _EXAMPLES else f"{m[1]}{m[2]}/...", text)


def complaint_of(body: object) -> tuple[str, str | None]:
    """Return the words of an error body, and the parameter it names."""
    failure = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(failure, dict):
        return in_words(failure), None
    words = failure.get("message") or failure.get("detail") or failure.get("msg") or failure
    code, param = failure.get("code") or failure.get("status"), failure.get("param")
    told = f"{in_words(words)} ({in_words(code)})" if code else in_words(words)
    return told, param if isinstance(param, str) else None


def in_words(value: object) -> str:
    """Return a text as it is, and anything else as Python writes it, however deep it is nested."""
    try:
        return value if isinstance(value, str) else repr(value)
    except RecursionError:
        return f"a deeply nested {type(value).__name__}"


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait: `retry-after-ms`, or `retry-after` (an HTTP date, too)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        raw = headers.get(name, "")
        try:
            wait = float(raw) * unit
        except ValueError:
            continue
        return max(wait, 0.0) if math.isfinite(wait) else None
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


class Keys:
    """Keys that a judge holds, to be taken out of all that comes in, unless they are as short as words."""

    def __init__(self, *values: str) -> None:
        # What is so long can be told from a word, so that taking it out blanks nothing else.
        kept = [v for v in values if len(v) >= 8 or (len(v) >= 6 and any(c.isdigit() for c in v))]
        forms = {form for value in kept for form in (value, quote(value, safe=""))}
        self._lowered = [form.lower() for form in sorted(forms, key=len, reverse=True)]

    def out_of(self, text: str) -> str:
        """Return a text without these keys, in whatever case a server repeats them."""
        if not self._lowered or not text:
            return text
        lowered = text.lower()
        for key in self._lowered:
            if key in lowered:
                text = re.sub(re.escape(key), "[key]", text, flags=re.IGNORECASE)
                lowered = text.lower()
        return text

    def out_of_error(self, text: str) -> str:
        """Return an error's text without these keys, nor what looks like one.

        >>> NO_KEYS.out_of_error("wrong key sk-abcdef123456")
        'wrong key [key]'
        """
        return KEYLIKE.sub("[key]", self.out_of(text)[:_LONGEST])


NO_KEYS = Keys()


def is_secret(name: str) -> bool:
    """Tell whether a field of a request, a header or a variable of this name holds a secret.

    >>> [is_secret(name) for name in ("aws_secret_access_key", "X-API-Key", "max_tokens", "top_k")]
    [True, True, False, False]
    """
    return _SECRET.search(name) is not None


def secrets_in(settings: Any) -> Iterator[str]:
    """Yield the texts in settings, however nested, that stand under the name of a secret.

    >>> list(secrets_in({"top_k": 1, "extra_headers": {"Authorization": "Bearer abc"}, "tokens": ["x"]}))
    ['Bearer abc', 'abc']
    """
    if isinstance(settings, Mapping):
        for name, value in settings.items():
            yield from _texts_in(value) if is_secret(str(name)) else secrets_in(value)
    elif isinstance(settings, list | tuple):
        for value in settings:
            yield from secrets_in(value)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield all texts in a secret, and of one behind the word of its scheme the secret alone, too."""
    if isinstance(value, str):
        yield value
        yield from value.split()[1:]
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(each)


def parsed(raw: bytes) -> object:
    """Return what JSON says, or its text where it is none; NaN and half of a surrogate pair are let pass."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        text = raw.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


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
    """Return what makes a judge's replies its own, as it goes into the ledger's key.

    It holds the model, where it is asked (an address without a secret; empty where the model says so), and
    the settings that have a meaning known here; of all others a digest, and of what goes by the name of a
    secret nothing. So no key gets into a ledger or `run.json`, while a changed setting is a changed judge. A
    name or a revision that the user gave stands in the address's place.

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
    """See that judges may be in one run: none would speak for another, and no key goes to two servers."""
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
    """Tell whether a setting can be shown: numbers, words of a list known here, and mappings of them."""
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
    return sha256(raw).hexdigest()[:16]
