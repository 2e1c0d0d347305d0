"""What a server says beside its replies, and what of it may be shown."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from judgekit.errors import InputError

_KEY = re.compile(
    r"(?:(?<=bearer )|(?<=basic ))\S+"
    r"|(?:(?<=\bkey=)|(?<=_key=)|(?<=-key=)|(?<=token=))[^\s&'\"]+"
    r"|\b(?:sk|pk|gsk|xai|hf|r8|nvapi|pplx|fw)[-_][\w*.-]{6,}"
    r"|\bAIza[\w-]{10,}|\bAKIA[A-Z0-9]{12,}",
    re.IGNORECASE,
)


def address_of(url: str, what: str) -> tuple[str, str]:
    """A base URL as its origin, which may be shown, and its path, which may not: some hold a token.

    Args:
        url: Up to and with `/v1`.
        what: What to call it in messages; they show scheme and host only.

    Raises:
        InputError: If it is no http URL, or holds a user, a password or a query.

    >>> address_of("http://localhost:8000/v1/", "url")
    ('http://localhost:8000', '/v1')
    """
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # its message repeats the URL, and with it a password
        raise InputError(f"{what} cannot be read; its port or its brackets are wrong") from None
    where = f"{what} ({parts.scheme or 'no scheme'}, host {parts.hostname or 'missing'})"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"{where} must be of the form http://host:port/v1 or https://host/v1")
    if "@" in parts.netloc:
        raise InputError(
            f"{where} holds a user or password; name the key's environment variable by api_key_env"
        )
    if parts.query or parts.fragment:
        raise InputError(
            f"{where} holds a query or fragment; give the base URL alone, and a key by api_key_env"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{host}{port}", path


def complaint_of(body: object, raw: bytes = b"") -> tuple[str, str | None]:
    """The words of an error body, and the parameter it names.

    >>> complaint_of({"error": {"message": "no such model", "code": "model_not_found", "param": "model"}})
    ('no such model (model_not_found)', 'model')
    """
    failure = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(failure, dict):
        return (failure if isinstance(failure, str) else raw.decode(errors="replace")[:1000]), None
    words = failure.get("message") or failure.get("detail") or failure.get("msg") or dict(failure)
    code, param = failure.get("code") or failure.get("status"), failure.get("param")
    return f"{words} ({code})" if code else str(words), param if isinstance(param, str) else None


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date).

    >>> wait_of({"retry-after": "1.5"}), wait_of({"retry-after-ms": "20"}), wait_of({"retry-after": "soon"})
    (1.5, 0.02, None)
    """
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


def redact(text: str, *secrets: str) -> str:
    """The text without the secrets, nor what looks like a key.

    >>> redact("wrong key sk-abcdef123456 (tr0ub4dor)", "tr0ub4dor")
    'wrong key [key] ([key])'
    """
    for secret in secrets:
        text = text.replace(secret, "[key]") if secret else text
    return _KEY.sub("[key]", text)
