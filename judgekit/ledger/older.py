"""A ledger of judgekit 0.1.0, which no run serves or writes: a run's replies go to a file beside it.

Its keys are of other prompts, and of judges without an address, so its replies answer nothing that is
asked now. It can still be shown, verified, exported and replayed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from judgekit.ledger.columns import USER_VERSION
from judgekit.ledger.file import is_sqlite
from judgekit.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Older:
    """A ledger that is left as it is.

    Args:
        path: Where it lies.
        beside: Where replies are kept instead.
        replies: Requests it has an answer to, of the judges asked about.
        cost_usd: What those answers cost, as far as that is known.
    """

    path: Path
    beside: Path
    replies: int
    cost_usd: float

    def __str__(self) -> str:
        n = f"{self.replies} {'reply' if self.replies == 1 else 'replies'}"
        return (
            f"{self.path}: a ledger of judgekit 0.1.0, whose prompts were others; {n} of these judges, paid "
            f"with ${self.cost_usd:.4f} as far as known, are not served but asked again, and it stays as it "
            f"is; replies are kept in {self.beside}"
        )


def kept_in(path: Path, judges: Collection[str] = ()) -> tuple[Path, Older | None]:
    """The file that a run at a ledger keeps its replies in, and the older one that lies there instead.

    Args:
        path: The ledger that was named.
        judges: Names of those that will be asked; none: of all.

    Raises:
        InputError: If the file is there and cannot be read.
    """
    if not path.is_file() or not is_sqlite(path):
        return path, None
    with Ledger(path, read_only=True) as ledger:
        if ledger.version == USER_VERSION:
            return path, None
        some = f"judge IN ({', '.join('?' * len(judges))})" if judges else "true"
        sql = f"SELECT count(DISTINCT key), total(cost_usd) FROM replies WHERE {some}"  # noqa: S608 - constants
        [(replies, cost)] = ledger.query(sql, tuple(judges))
    beside = path.with_name(f"{path.stem}.k{USER_VERSION}{path.suffix}")
    return beside, Older(path, beside, replies, cost)
