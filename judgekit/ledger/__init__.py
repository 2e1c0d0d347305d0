"""The ledger: replies in one SQLite file, keyed by what was asked."""

from judgekit.ledger.file import default_path
from judgekit.ledger.key import key_of
from judgekit.ledger.store import Ledger

__all__ = ["Ledger", "default_path", "key_of"]
