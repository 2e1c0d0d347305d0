"""A ledger looked at, checked, handed on, made smaller, read back by replay."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judgekit.errors import InputError, ProviderError
from judgekit.judges.replay import Replay
from judgekit.ledger import Ledger, key_of
from judgekit.ledger.check import verify
from judgekit.ledger.tools import compact, entry, export, overview, rows
from judgekit.scales import YES_NO
from judgekit.types import Ask, Call, Message, Reply, Unit

HOT, COLD = {"model": "m", "temperature": 1.0}, {"model": "m", "temperature": 0.0}
ODD = Reply("half a pair \ud83d", logprobs=(("A", float("-inf")),), detail="\x1b[31m[bold]red[/bold]")
Line = tuple[str, dict[str, Any], int, Reply]


def call_of(n: int, identity: dict[str, Any], judge: str = "j") -> Call:
    call = Call(
        judge, (Ask(Unit(str(n), ("a",)), "kind", YES_NO),), "grade", (Message("user", f"Is {n} kind?"),)
    )
    return replace(call, key=key_of(identity, call))


def kept(path: Path, lines: Sequence[Line], *, prompts: bool = True, again: bool = False) -> Path:
    """A ledger of replies, each by (judge, identity, number of the call, reply)."""

    async def work() -> None:
        with Ledger(path, prompts=prompts) as ledger:
            for judge, identity, n, reply in lines:
                ledger.put(call_of(n, identity, judge), identity, reply, again=again)

    asyncio.run(work())
    return path


def lines_of(judge: str = "j", identity: dict[str, Any] = COLD, *replies: Reply) -> list[Line]:
    return [(judge, identity, n, reply) for n, reply in enumerate(replies)]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    paid = Reply("no", "refused", model="m-1", input_tokens=10, output_tokens=2, cost_usd=0.5)
    path = kept(tmp_path / "l.sqlite", [*lines_of("j", COLD, Reply("yes"), paid), *lines_of("hot", HOT, ODD)])
    kept(path, lines_of("j", COLD, Reply("yes indeed")), again=True)
    with Ledger(path) as opened:
        opened.learn("refused x", ["seed"])
    return path


def asked(judge: Replay, call: Call) -> Reply:
    return asyncio.run(judge(call))


def test_an_overview_counts(ledger: Path):
    with Ledger(ledger, read_only=True) as opened:
        seen = overview(opened)

    assert (seen.keys, seen.replies, seen.prompts, seen.version) == (3, 4, 4, 2)
    assert [(s.name, s.replies, s.input_tokens, s.cost_usd, s.unpriced) for s in seen.judges] == [
        ("hot", 1, 0, 0.0, 1), ("j", 3, 10, 0.5, 2),
    ]  # fmt: skip
    assert [(s.name, s.replies) for s in seen.models] == [("", 3), ("m-1", 1)]
    assert (seen.faults, seen.facts) == ({"refused": 1}, {"refused x": ("seed",)})
    assert seen.bytes == ledger.stat().st_size
    assert seen.first is not None
    assert seen.last is not None
    assert seen.first < seen.last


def test_an_empty_ledger_has_no_first_reply(tmp_path: Path):
    with Ledger(tmp_path / "l") as opened:
        assert (overview(opened).first, overview(opened).judges) == (None, ())
        assert list(rows(opened)) == verify(opened) == []


def test_a_reply_is_found_by_the_digits_its_key_begins_with(ledger: Path):
    key = call_of(0, COLD).key
    with Ledger(ledger, read_only=True) as opened:
        found = entry(opened, key[3:12])

        assert (found.key, found.edition, found.judge, found.reply.text) == (key, 1, "j", "yes indeed")
        assert found.asked is not None
        assert found.asked["messages"] == [{"role": "user", "content": "Is 0 kind?"}]
        assert entry(opened, key) == entry(opened, key[:12]) == found
        for prefix, message in (("zz", "no key begins"), ("", "begins no key"), ("k2:", "begins no key")):
            with pytest.raises(InputError, match=message):
                entry(opened, prefix)


def test_a_prefix_of_several_keys_is_refused_with_their_names(tmp_path: Path):
    path = kept(tmp_path / "l", lines_of("j", COLD, *[Reply("x")] * 40))

    with Ledger(path) as opened, pytest.raises(InputError, match=r"several keys begin with 'k2:\w': k2:"):
        entry(opened, call_of(0, COLD).key[3])  # 40 keys, 16 digits: some key shares this one with another


def test_rows_are_chosen_by_judge_and_fault(ledger: Path):
    def texts(**chosen: Any) -> list[str]:
        with Ledger(ledger, read_only=True) as opened:
            return [each.reply.text for each in rows(opened, **chosen)]

    assert texts() == ["yes", "no", ODD.text, "yes indeed"]
    assert texts(judge="j", fault="none") == ["yes", "yes indeed"]
    assert texts(fault="refused") == ["no"]
    assert texts(limit=1) == ["yes"]
    for chosen in ({"judge": "k"}, {"fault": "odd"}, {"limit": -1}):
        with pytest.raises(InputError):
            texts(**chosen)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE replies SET request = replace(request, 'kind', 'rude') WHERE id = 1", "another SHA-256"),
        ("UPDATE replies SET request = '{' WHERE id = 1", "the request is no JSON"),
        ("UPDATE replies SET key = 'k1:' WHERE id = 1", "the key is not 'k2:' and 64 digits"),
        ("UPDATE replies SET logprobs = '[1]' WHERE id = 1", "logprobs is no list"),
        ("UPDATE replies SET probs = 'x' WHERE id = 1", "probs is no list of names and numbers: 'x'"),
        ("UPDATE replies SET fault = 'odd' WHERE id = 1", "unknown fault 'odd'"),
        ("UPDATE replies SET fault = 'cancelled' WHERE id = 1", "was not paid for"),
        ("UPDATE replies SET cost_usd = -1 WHERE id = 1", "cost_usd is -1.0"),
        ("UPDATE replies SET input_tokens = 'many' WHERE id = 1", "input_tokens is 'many'"),
        ("UPDATE replies SET written = 'noon' WHERE id = 1", "written at 'noon'"),
        ("UPDATE facts SET value = '{}'", "fact 'refused x': '{}' is no list of names"),
    ],
)
def test_what_is_wrong_is_found(ledger: Path, damage: str, problem: str):
    with Ledger(ledger) as opened:
        assert verify(opened) == []
        with opened.db:
            opened.db.execute(damage)

        found = verify(opened)

    assert any(problem in each for each in found)


def test_a_torn_page_is_found(tmp_path: Path):
    path = kept(tmp_path / "l", lines_of("j", COLD, *[Reply("x" * 500)] * 200))
    raw = bytearray(path.read_bytes())
    raw[5 * 4096 : 6 * 4096] = b"\x07" * 4096
    path.write_bytes(raw)

    with Ledger(path, read_only=True) as opened:
        assert any("SQLite" in each for each in verify(opened))


def test_an_export_is_read_back_by_replay(ledger: Path, tmp_path: Path):
    with Ledger(ledger, read_only=True) as opened:
        assert export(opened, tmp_path / "out" / "l.jsonl") == 3
    first = (tmp_path / "out" / "l.jsonl").read_text(encoding="utf-8").splitlines()[0]
    judge = Replay(tmp_path / "out" / "l.jsonl#hot")

    assert first.startswith('{"key":"k2:')
    assert asked(judge, call_of(0, HOT)) == replace(ODD, cost_usd=0.0)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["l.jsonl"]


def test_a_replay_of_a_ledger_is_the_judge_that_was_recorded(ledger: Path):
    judge = Replay(f"{ledger}#j")  # type: ignore[arg-type]

    assert (judge.name, judge.identity) == ("replay:l#j", COLD)
    assert asked(judge, call_of(0, COLD)).text == "yes indeed"
    assert asked(judge, replace(call_of(0, HOT), sample=1)).fault == "missing"


def test_a_record_of_two_judges_needs_the_name_of_one(ledger: Path):
    with pytest.raises(InputError, match=r"of 2 judges, \['hot', 'j'\]; name one, as in replay:.*#hot"):
        Replay(ledger)
    with pytest.raises(InputError, match=r"no reply of 'k'; there are \['hot', 'j'\]"):
        Replay(ledger, judge="k")


def test_several_settings_of_one_judge_are_tried_and_never_mixed(tmp_path: Path):
    path = kept(tmp_path / "l", [("j", COLD, 0, Reply("cold")), ("j", HOT, 1, Reply("hot"))])
    judge = Replay(path)

    assert judge.identity == {}
    assert [asked(judge, call_of(n, {"unstored": "l"})).text for n in (0, 1)] == ["cold", "hot"]

    kept(path, [("j", HOT, 0, Reply("hot"))])
    with pytest.raises(ProviderError, match=r"with \{'temperature': 0.0\} and with \{'temperature': 1.0\}"):
        asked(Replay(path), call_of(0, {"unstored": "l"}))


def test_a_ledger_without_prompts_cannot_be_replayed(tmp_path: Path):
    path = kept(tmp_path / "l", lines_of("j", COLD, Reply("yes")), prompts=False)

    with pytest.raises(InputError, match="was recorded without prompts"):
        Replay(path)


def test_a_ledger_is_made_smaller(tmp_path: Path):
    path = kept(tmp_path / "l", lines_of("j", COLD, *[Reply("x" * 2000)] * 300))
    kept(path, lines_of("j", COLD, *[Reply("y")] * 300), again=True)

    with Ledger(path) as opened:
        assert compact(opened, drop_old_editions=True) > 300 * 2000
        assert compact(opened, drop_prompts=True) > 0
        assert verify(opened) == []
        seen = overview(opened)
    assert (seen.keys, seen.replies, seen.prompts) == (300, 300, 0)
    assert b"Is 7 kind?" not in path.read_bytes()
