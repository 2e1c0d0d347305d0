"""Who may ask the reward server, and how fast: a token, and a bucket of requests for each address."""

import base64
import binascii
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Mapping

from judgekit.errors import InputError

LEAST_TOKEN = 16
"""Characters of a token at least."""
_ADDRESSES = 10_000  # buckets kept; the longest unused goes first


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach a host.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_for(host: str, token: str | None, where: str) -> str | None:
    """The token a server on this host asks for, if it may be started at all.

    >>> token_for("0.0.0.0", None, "$TOKEN")
    Traceback (most recent call last):
        ...
    judgekit.errors.InputError: listening on 0.0.0.0 needs a token, or anybody could spend your money: ...
    """
    if not token:
        if is_loopback(host):
            return None
        raise InputError(
            f"listening on {host} needs a token, or anybody could spend your money: set {where} to "
            f"{LEAST_TOKEN} characters or more, or listen on 127.0.0.1"
        )
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"the token in {where} needs {LEAST_TOKEN} printable ASCII characters or more, and no blanks"
        )
    return token


def may_ask(headers: Mapping[str, str], token: str | None) -> bool:
    """Whether a request carries the token: `Authorization: Bearer TOKEN`, or the password of `Basic`.

    `Basic` is for clients that can be told nothing but an address: `http://judgekit:TOKEN@host/...`.

    >>> may_ask({"Authorization": "Bearer tr0ub4dor"}, "tr0ub4dor"), may_ask({}, "tr0ub4dor")
    (True, False)
    """
    if token is None:
        return True
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    said = rest.strip().encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            said = base64.b64decode(said, validate=True).partition(b":")[2]
        except binascii.Error:
            said = b""
    elif scheme.lower() != "bearer":
        said = b""
    return hmac.compare_digest(said, token.encode())


def is_for_us(host: str | None) -> bool:
    """Whether a `Host` header names this machine, as it does unless a page's own name was made to lead here.

    >>> is_for_us("127.0.0.1:8077"), is_for_us("[::1]:8077"), is_for_us("evil.example:8077"), is_for_us(None)
    (True, True, False, True)
    """
    if not host:
        return True
    name = host.rpartition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name.removeprefix("["))


class Rates:
    """Requests a second for each address; what is not used is saved up for two seconds."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds until the next request of this address may come; 0 if this one may, which is counted.

        >>> rates = Rates(1)
        >>> [rates.wait("a", at) for at in (0, 0, 0, 1)], rates.wait("b", 1)
        ([0.0, 0.0, 1.0, 0.0], 0.0)
        """
        if not self._rate:
            return 0.0
        most = max(2 * self._rate, 1.0)
        left, then = self._buckets.pop(address, (most, now))
        left = min(left + (now - then) * self._rate, most)
        if left >= 1.0:
            self._buckets[address] = (left - 1.0, now)
            waiting = 0.0
        else:
            self._buckets[address] = (left, now)
            waiting = (1.0 - left) / self._rate
        while len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return waiting
