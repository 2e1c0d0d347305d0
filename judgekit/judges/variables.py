"""The environment variables that hold keys: a judge's settings name one, and hold no key themselves.

Whatever stands where a variable's name belongs may be a key that was pasted there. So it is looked at before
anything else, wherever it comes from, and is shown only where it cannot be a key.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from judgekit.errors import InputError
from judgekit.judges.servers import KEYLIKE, Keys, is_secret, login_of, secrets_in

NAMING = ("key_env", "api_key_env")
"""The settings of a judge that name a variable."""
_VARIABLE = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?")
_USUAL = re.compile(r"[A-Z_][A-Z0-9_]*")
_INSTEAD = "put it into an environment variable, and the variable's name into key_env"


def check_variable(where: str, name: object) -> None:
    """Refuse what may be a key where the name of a variable belongs, without showing it.

    >>> check_variable("key_env", "FAST_KEY")
    >>> check_variable("key_env", "sk-proj-Abc123")
    Traceback (most recent call last):
    judgekit.errors.InputError: key_env: holds no variable's name but what may be a key (it is not shown); put
    it into an environment variable, and the variable's name here
    """
    if not is_variable(name):
        raise InputError(
            f"{where}: holds no variable's name but what may be a key (it is not shown); put it into an "
            "environment variable, and the variable's name here"
        )


def check_variables(place: str, settings: Mapping[str, Any]) -> None:
    """Refuse a key in each of a judge's settings that names a variable."""
    for name in NAMING:
        if settings.get(name) is not None:
            check_variable(f"{place}{name}", settings[name])


def check_secrets(place: str, table: Mapping[str, Any]) -> None:
    """Refuse a secret anywhere in a judge's table, without showing it."""
    check_variables(f"{place}.", table)
    settings = {name: value for name, value in table.items() if name not in NAMING}
    texts = [value for value in settings.values() if isinstance(value, str)]
    logins = [login_of(text.rpartition("endpoint:")[2])[1:] for text in texts]
    if any(map(any, logins)) or any(secrets_in(settings)):
        raise InputError(f"{place}: holds a key or a password (it is not shown); {_INSTEAD}")


def is_variable(name: Any) -> bool:
    """Tell whether this is the name of an environment variable; one that is not set may be a key itself.

    >>> [is_variable(name) for name in ("XAI_API_KEY", "", "sk-abc", "hf_AbcDef", "AKIA0123456789AB")]
    [True, True, False, False, False]
    """
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        return False
    if name in os.environ:
        return True
    lower, upper = name != name.upper(), name != name.lower()
    digits = any(map(str.isdigit, name))
    mixed = len(name) >= 16 and lower and (digits or upper)
    solid = len(name) >= 16 and digits and "_" not in name
    begins = lower and KEYLIKE.search(name) is not None
    return not (mixed or solid or begins or name in held_around())


def shown_variable(name: str, setting: str = "key_env") -> str:
    """Return a variable's name as it may be shown; one that is not set, nor as names are, may be a key.

    >>> shown_variable("FAST_KEY"), shown_variable("hunter2")
    ('FAST_KEY', 'the variable that key_env names')
    """
    shown = name in os.environ or _USUAL.fullmatch(name)
    return name if shown else f"the variable that {setting} names"


def without_keys(text: str) -> str:
    """Return an error's text without what looks like a key, nor a key that the environment holds.

    >>> without_keys("judge 'sk-proj-Abc123' names no provider")
    "judge '[key]' names no provider"
    >>> without_keys("hf_answers2.jsonl: no such file")
    'hf_answers2.jsonl: no such file'
    """
    return KEYLIKE.sub(_told, Keys(*held_around()).out_of(text))


def _told(found: re.Match[str]) -> str:
    """Return what is told of what begins as a key does; files may, but have an ending."""
    is_key = any(map(str.isdigit, found[0])) and "." not in found[0].rstrip(".")
    return "[key]" if is_key else found[0]


def held_around() -> list[str]:
    """Return what the environment holds under the names of secrets."""
    held = ((name, value.strip()) for name, value in os.environ.items())
    return [value for name, value in held if is_secret(name) and any(map(str.isdigit, value))]
