"""Do three roads to one model give the same verdicts? In the process, over `endpoint`, and through litellm.

    python benchmarks/same_verdicts.py ITEMS.jsonl --n 6

The embedded model answers in its reproducible mode, once in this process and once from its own
OpenAI-compatible server on the loopback. Items come from `prometheus_items.py`, each with a rubric
of its own. Printed for each form of answer: verdicts and abstentions of each road, and how many
outcomes (label, value to 1e-6, reason) and reply texts are the same as in the process. Without a
grammar that bounds its texts the model rarely reaches a label in the form `json`, so there the texts
tell more than the outcomes.
"""

import argparse
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Self

import judgekit as jk
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.litellm import LiteLLM
from judgekit.judges.local import Local, serving
from judgekit.types import Outcome, Verdict

SETTINGS = {"temperature": 0.0, "max_tokens": 200, "seed": 0}
KEY = "JUDGEKIT_SAME_VERDICTS_KEY"


@dataclass(slots=True)
class Overheard(AbstractAsyncContextManager):
    """A judge whose words are noted down."""

    judge: Any
    texts: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.judge.name

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.judge.identity

    async def __aenter__(self) -> Self:
        await self.judge.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.judge.__aexit__(*error)

    async def __call__(self, call: jk.Call, /) -> jk.Reply:
        reply = await self.judge(call)
        self.texts.append(reply.text)
        return reply


@dataclass(frozen=True, slots=True)
class Told:
    """What one road gave."""

    outcomes: tuple[Outcome, ...]
    texts: list[str]


def said(outcome: Outcome) -> tuple[object, ...]:
    if isinstance(outcome, Verdict):
        return outcome.unit, outcome.criterion, outcome.label, round(outcome.value, 6)
    return outcome.unit, outcome.criterion, outcome.reason


def told(items: list[jk.Item], judge: Any, form: str) -> Told:
    heard = Overheard(judge)
    one_by_one = jk.Limits(concurrency=1)
    run = jk.score(
        items, "instruction_following", heard, form=form, ledger=None, reask=False, limits=one_by_one
    )
    return Told(run.outcomes, heard.texts)


def compare(path: Path, n: int) -> bool:
    items = list(islice(jk.read_items(path), n))
    inside = Local(bounded=False, say=lambda _: None, **SETTINGS)
    same_everywhere = True
    with serving(Local(bounded=False, say=lambda _: None, **SETTINGS)) as address:
        os.environ[KEY] = address.key
        roads = {
            "endpoint": Endpoint(address.url, address.model, api_key_env=KEY, **SETTINGS),
            "litellm": LiteLLM(f"openai/{address.model}", api_base=address.url, api_key_env=KEY, **SETTINGS),
        }
        print(
            f"{'form':8} {'road':10} {'verdicts':>8} {'abstained':>9} {'same outcome':>13} {'same text':>10}"
        )
        for form in ("json", "text", "letters"):
            expected = told(items, inside, form)
            report(form, "local", expected, expected)
            for name, judge in roads.items():
                found = told(items, judge, form)
                report(form, name, found, expected)
                same_everywhere &= list(map(said, found.outcomes)) == list(map(said, expected.outcomes))
    print("the same verdicts everywhere" if same_everywhere else "NOT the same verdicts everywhere")
    return same_everywhere


def report(form: str, road: str, found: Told, expected: Told) -> None:
    n = len(expected.outcomes)
    verdicts = sum(isinstance(o, Verdict) for o in found.outcomes)
    same = sum(said(a) == said(b) for a, b in zip(found.outcomes, expected.outcomes, strict=True))
    words = sum(a == b for a, b in zip(found.texts, expected.texts, strict=True))
    print(f"{form:8} {road:10} {verdicts:8} {n - verdicts:9} {f'{same} of {n}':>13} {f'{words} of {n}':>10}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("items", type=Path)
    parser.add_argument("--n", type=int, default=6)
    given = parser.parse_args()
    raise SystemExit(0 if compare(given.items, given.n) else 1)
