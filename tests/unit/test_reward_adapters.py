"""Trainers' borders without the trainers: forms that nothing but a trainer's own words has part in.

slime is in no package index, so samples and arguments are stand-ins for its own here (`Sample`, `Namespace`).
What the other trainers do around these functions is tested with them in `tests/integration`.
"""

import asyncio
import gc
import importlib
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

import judgekit as jk
from judgekit.errors import InputError, JudgeOutage
from judgekit.rewards import openrlhf, slime, verl
from judgekit.rewards.core.conversion import (
    NUMBERS,
    Blocking,
    Unrewarded,
    kept,
    kept_rewarder,
    lone,
    number,
    numbers,
    one_by_one,
    rewarding,
    talk_of,
)
from judgekit.rewards.core.records import Group, Reward
from judgekit.rewards.core.rewarder import Rewarder
from judgekit.rewards.core.spec import load_spec
from judgekit.rewards.serving.server import RewardServer, Settings, listening
from judgekit.types import Message

RUBRIC = {"id": "tone", "criteria": [{"id": "kind", "text": "Is the response kind?"}]}
KIND = jk.Scripted("kind", lambda _: '{"label": "yes"}')
STATUSES = ("ok", "gated", "vetoed", "imputed")
GATED = """
gated = 0.25
[[checks]]
name = "content"
kind = "says_something"
gate = true
"""


@dataclass
class Sample:
    """What slime hands over, as far as it is read."""

    prompt: Any = "How many?"
    response: str = "mark 7"
    label: Any = None
    group_index: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


# --- what all share


def test_a_reward_is_told_by_the_same_numbers_whatever_became_of_it():
    told = {status: numbers(Reward("g", "a", 0.5, status)) for status in STATUSES}

    assert {tuple(each) for each in told.values()} == {NUMBERS}
    assert [sum(each.values()) - 0.5 for each in told.values()] == [0, 1, 1, 1]


@pytest.mark.parametrize("status", ["failed", "dropped"])
def test_no_reward_is_no_number(status):
    with pytest.raises(JudgeOutage, match=f"no reward for response 'a' of group 'g': {status}"):
        number(Reward("g", "a", None, status))


def test_what_a_trainer_makes_zero_of_is_no_exception():
    assert not issubclass(Unrewarded, Exception)


def test_relative_schemes_are_refused_where_there_is_no_group():
    with pytest.raises(InputError, match="'swiss' needs the other responses of the group, and Anybody"):
        one_by_one(load_spec({"rubric": RUBRIC, "scheme": "swiss"}), "Anybody")


def test_a_rewarder_is_taken_as_it_is():
    rewarder = Rewarder({"rubric": RUBRIC}, KIND)

    assert rewarding(rewarder) is rewarder
    assert rewarding({"rubric": RUBRIC}, KIND).judges == (KIND,)
    with pytest.raises(InputError, match="a rewarder has judges of its own"):
        rewarding(rewarder, KIND)


def test_a_row_is_a_group_of_one():
    class Turn:
        def model_dump(self):
            return {"role": "user", "content": "How many?"}

    system = {"role": "system", "content": "Be brief."}
    group = lone([system, Turn()], "Two.", reference=2, columns={"rubric": '{"criteria": []}', "n": 1})

    assert group.task == (Message("system", "Be brief."), Message("user", "How many?"))
    assert (group.responses, group.reference) == ({"response": "Two."}, "2")
    assert group.rubric == {"id": "own", "criteria": []}


@pytest.mark.parametrize("label", [["a", "b"], np.array(["a", "b"]), {"a": 1}, True, None, ""])
def test_a_label_that_is_no_text_is_no_reference(label):
    assert lone("How many?", "Two.", reference=label).reference is None


# --- what is kept open


class Opened:
    """Counts how often it is opened and closed."""

    def __init__(self, fails: int = 0) -> None:
        self.opened, self.closed, self.fails = 0, 0, fails

    async def __aenter__(self):
        self.opened += 1
        await asyncio.sleep(0)
        if self.opened <= self.fails:
            raise InputError("not yet")
        return self

    async def __aexit__(self, *_):
        self.closed += 1


def test_all_who_ask_in_a_loop_share_one_and_it_is_closed_with_the_loop():
    made = Opened()

    async def work():
        both = await asyncio.gather(kept("a", lambda: made), kept("a", lambda: made))
        later = await kept("a", lambda: made)
        assert (both, later, made.closed) == ([made, made], made, 0)

    asyncio.run(work())

    assert (made.opened, made.closed) == (1, 1)


def test_another_loop_has_its_own():
    first, second = Opened(), Opened()

    assert asyncio.run(kept("a", lambda: first)) is first
    assert asyncio.run(kept("a", lambda: second)) is second


def test_what_could_not_be_opened_is_tried_again():
    made = Opened(fails=1)

    async def work():
        with pytest.raises(InputError):
            await kept("a", lambda: made)
        return await kept("a", lambda: made)

    assert asyncio.run(work()) is made


def test_one_who_goes_away_while_it_opens_takes_nothing_from_the_others():
    made = Opened()

    async def work():
        impatient = asyncio.create_task(kept("a", lambda: made))
        patient = asyncio.create_task(kept("a", lambda: made))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(work()) is made


def test_a_spec_is_read_once_in_a_loop_and_what_was_asked_is_written_at_its_end(marks, tmp_path, caplog):
    path = marks(f'ledger = "{tmp_path / "replies.sqlite"}"')
    group = Group("g", "How many?", {"a": "mark 4"})

    async def work():
        first, second = await kept_rewarder(path), await kept_rewarder(path)
        await first([group])
        return first is second

    assert asyncio.run(work(), debug=True)
    assert Rewarder(path).reward([group]).stats["new_calls"] == 0
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_rewarder_is_open_in_several_loops_at_once(marks):
    rewarder, both = Rewarder(marks()), threading.Barrier(2, timeout=30)

    async def work():
        opened = await kept_rewarder(rewarder)
        both.wait()
        batch = await opened([Group("g", "How many?", {"a": "mark 4"})])
        both.wait()
        return opened, batch["g", "a"].value

    with ThreadPoolExecutor(2) as pool:
        (first, one), (second, two) = [r.result() for r in [pool.submit(asyncio.run, work()) for _ in "ab"]]

    assert (one, two) == (0.4, 0.4)
    assert len({id(rewarder), id(first), id(second)}) == 3


def test_many_threads_share_one_open_rewarder(marks):
    rewarded = Blocking(Rewarder(marks()))

    def one(n):
        return rewarded([Group("g", "How many?", {"a": f"mark {n}"})])["g", "a"].value

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(one, [*range(11)] * 3))

    assert values == [n / 10 for n in range(11)] * 3
    assert [each.name for each in threading.enumerate()].count("judgekit-rewards") == 1


def test_the_thread_ends_with_what_needed_it(marks):
    rewarded = Blocking(Rewarder(marks()))
    rewarded([Group("g", "How many?", {"a": "mark 1"})])

    del rewarded
    gc.collect()

    assert "judgekit-rewards" not in [each.name for each in threading.enumerate()]


def test_the_thread_ends_where_the_garbage_is_collected_in_it(marks):
    code = (
        "import gc, threading\n"
        "from judgekit.rewards.core.conversion import Blocking\n"
        "from judgekit.rewards.core.records import Group\n"
        "from judgekit.rewards.core.rewarder import Rewarder\n"
        "gc.disable()\n"
        "class Cycle: pass\n"
        "cycle = Cycle(); cycle.own = cycle\n"
        f"cycle.rewarded = Blocking(Rewarder({str(marks())!r}))\n"
        "cycle.rewarded([Group('g', 'How many?', {'a': 'mark 4'})])\n"
        "[thread] = [each for each in threading.enumerate() if each.name == 'judgekit-rewards']\n"
        "portal = cycle.rewarded._portal\n"
        "del cycle\n"
        "portal.start_task_soon(gc.collect)\n"
        "thread.join()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)  # noqa: PLW1510

    assert (done.returncode, done.stderr) == (0, "")


def test_no_thread_is_left_where_it_could_not_be_opened(marks, tmp_path):
    (tmp_path / "file").write_text("")
    rewarded = Blocking(Rewarder(marks(f'ledger = "{tmp_path / "file" / "replies.sqlite"}"')))

    for _ in range(2):
        with pytest.raises((InputError, OSError)):
            rewarded([Group("g", "How many?", {"a": "mark 1"})])

    assert "judgekit-rewards" not in [each.name for each in threading.enumerate()]


def test_a_process_that_ends_closes_it(marks, tmp_path):
    spec = marks(f'ledger = "{tmp_path / "replies.sqlite"}"')
    code = (
        "from judgekit.rewards.core.conversion import Blocking\n"
        "from judgekit.rewards.core.records import Group\n"
        "from judgekit.rewards.core.rewarder import Rewarder\n"
        f"rewarded = Blocking(Rewarder({str(spec)!r}))\n"
        "print(rewarded([Group('g', 'How many?', {'a': 'mark 4'})])['g', 'a'].value)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert (done.stdout, done.stderr) == ("0.4\n", "")
    again = Rewarder(spec).reward([Group("g", "How many?", {"a": "mark 4"})])
    assert again.stats["new_calls"] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this machine")
def test_a_forked_process_has_a_thread_of_its_own(marks):
    code = (
        "import multiprocessing\n"
        "from judgekit.rewards.core.conversion import Blocking\n"
        "from judgekit.rewards.core.records import Group\n"
        "from judgekit.rewards.core.rewarder import Rewarder\n"
        f"rewarded = Blocking(Rewarder({str(marks())!r}))\n"
        "def one(n):\n"
        "    return rewarded([Group('g', 'How many?', {'a': f'mark {n}'})])['g', 'a'].value\n"
        "print(one(4))\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    print(pool.apply(one, (5,)))\n"
        "print(one(6))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)  # noqa: PLW1510

    assert (done.stdout, done.stderr) == ("0.4\n0.5\n0.6\n", "")


def test_it_can_be_sent_to_another_process(marks):
    rewarded = Blocking(Rewarder(marks()))
    group = Group("g", "How many?", {"a": "mark 5"})
    first = rewarded([group])["g", "a"].value

    again = pickle.loads(pickle.dumps(rewarded))  # noqa: S301 - our own

    assert (first, again([group])["g", "a"].value) == (0.5, 0.5)


# --- slime


def rewarded(sample, path, **args):
    return asyncio.run(slime.rm(Namespace(judgekit_spec=str(path), **args), sample))


def test_slime_has_a_number_for_a_sample_and_a_list_for_a_list(marks):
    path = marks()

    assert rewarded(Sample(), path) == 0.7
    assert rewarded([Sample(response="mark 3"), Sample(response="mark 10")], path) == [0.3, 1.0]


def test_slime_has_numbers_by_name_where_it_takes_one_of_them(marks):
    told = rewarded(Sample(), marks(), reward_key="score")

    assert told == {"score": 0.7, "jk_gated": 0.0, "jk_vetoed": 0.0, "jk_imputed": 0.0}


def test_slime_is_raised_at_where_there_is_no_reward(marks):
    path = marks()

    for sample in (Sample(response="lost"), [Sample(), Sample(response="lost")]):
        with pytest.raises(JudgeOutage, match="no reward for response"):
            rewarded(sample, path)


def test_slime_gives_a_failure_the_mean_of_its_own_group_where_asked_for(marks):
    path = marks('on_failure = "group_mean"\nmax_failed = 1.0')
    samples = [
        Sample(response="mark 2", group_index=1),
        Sample(response="mark 10", group_index=2),
        Sample(response="lost", group_index=1),
        Sample(response="mark 4", group_index=1),
    ]

    assert rewarded(samples, path) == [0.2, 1.0, 0.3, 0.4]
    assert rewarded(samples, path, reward_key="score")[2]["jk_imputed"] == 1.0


def test_slime_samples_without_a_group_are_judged_by_their_own_task_and_label(marks):
    path = marks('judge_weight = 0.0\n[[checks]]\nname = "right"\nkind = "equals_reference"\nweight = 1.0')
    some = [Sample(prompt=f"{n}?", response=f"mark {n}", label=f"mark {min(n, 4)}") for n in (3, 4, 5)]

    assert rewarded(some, path) == [1.0, 1.0, 0.0]


def test_slime_shows_checks_what_a_group_agrees_on():
    [(group, _)] = slime._groups(  # noqa: SLF001 - what a check sees
        [Sample(label={"a": [1]}, metadata={"lang": "en", "turn": n}) for n in range(2)]
    )

    assert group.columns == {"lang": "en", "label": {"a": [1]}}


def test_openrlhf_shows_checks_the_label():
    assert openrlhf._group("1", "Hi?Yo", "Hi?", ["a", "b"]).columns == {"label": ["a", "b"]}  # noqa: SLF001


def test_slime_needs_a_group_for_a_relative_scheme(marks):
    with pytest.raises(InputError, match="slime without --group-rm"):
        rewarded(Sample(), marks('scheme = "round_robin"'))


def test_slime_is_told_where_the_spec_is_to_be_named():
    with pytest.raises(InputError, match=r"args\.judgekit_spec names no file"):
        asyncio.run(slime.rm(Namespace(), Sample()))


def test_the_lines_of_the_docstring_name_the_function_and_the_spec(marks, lines_of):
    shown = lines_of(slime).replace("/data/spec.toml", str(marks()))
    flags = dict(line.split("#")[0].strip().partition(" ")[::2] for line in shown.splitlines())
    module, _, name = flags["--custom-rm-path"].rpartition(".")
    args = Namespace(**yaml.safe_load(re.search(r"judgekit.yaml +# (.*)", shown)[1]))

    function = getattr(importlib.import_module(module), name)

    assert asyncio.run(function(args, [Sample()])) == [0.7]


# --- verl


def scored(response, path, **settings):
    asked = {"data_source": "mine", "solution_str": response, "ground_truth": "7"}
    extra = {"question": "How many?", "index": 3}
    return asyncio.run(verl.compute_score(**asked, extra_info=extra, spec=str(path), **settings))


def test_verl_has_the_same_numbers_for_every_response(marks):
    path = marks(GATED)

    good, gated = scored("mark 7", path), scored(":", path)
    marks = {"jk_vetoed": 0.0, "jk_imputed": 0.0}
    seen = {"criterion/good": 0.7, "criterion/content": 1.0}
    assert good == {"score": 0.7, "jk_gated": 0.0, **marks, **seen}
    assert gated == {"score": 0.25, "jk_gated": 1.0, **marks, **dict.fromkeys(seen, 0.0)}


def test_verl_has_a_number_for_a_criterion_that_a_row_does_not_ask_about(marks):
    own = '{"id": "own", "criteria": [{"id": "odd", "text": "Is it odd?", "scale": "0-10"}]}'
    asked = {"data_source": "mine", "solution_str": "mark 7", "extra_info": {"question": "?", "rubric": own}}
    told = asyncio.run(verl.compute_score(**asked, spec=str(marks(GATED))))

    assert math.isnan(told["criterion/good"])
    assert told.keys() == scored("mark 7", marks(GATED)).keys()


@pytest.mark.parametrize("options", ["", 'on_failure = "raise"', 'on_failure = "drop_group"'])
def test_verl_cannot_swallow_a_failure(marks, options):
    with pytest.raises(Unrewarded, match="data source 'mine': no reward for response 'response'"):
        scored("lost", marks(options))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"task_key": "problem"}, r"no 'problem' to judge the response by; it has \['data_source', 'index'"),
        ({"url": "http://127.0.0.1:1/compute_score"}, "spec .* or reward_kwargs.url .*, and not both"),
    ],
)
def test_verl_is_told_what_is_wrong_with_its_settings(marks, settings, says):
    with pytest.raises(Unrewarded, match=says):
        scored("mark 7", marks(), **settings)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            'on_failure = "group_mean"',
            "on_failure='group_mean' needs the other responses of the group, and verl",
        ),
        ("dead_band = 0.1", "dead_band=0.1 needs the other responses of the group, and verl"),
        ('scheme = "swiss"', "scheme 'swiss' needs the other responses of the group, and verl"),
    ],
)
def test_verl_is_told_what_needs_a_group(marks, options, says):
    with pytest.raises(Unrewarded, match=says):
        scored("mark 7", marks(options))


def test_verl_is_told_that_no_server_is_there():
    extra = {"question": "How many?"}

    with pytest.raises(Unrewarded, match="Cannot connect"):
        asyncio.run(verl.compute_score("mine", "x", None, extra, url="http://127.0.0.1:1/compute_score"))


def test_verl_asks_a_server_again_that_was_cut_off_is_going_down_or_away():
    asked, going = [], asyncio.Event()

    async def spoilt(request):
        asked.append(request.path)
        if len(asked) == 1:
            request.transport.abort()
        else:
            going.set()
        return web.json_response({"error": "going down: no new groups are taken in"}, status=503)

    async def walk():
        app = web.Application()
        app.router.add_post("/compute_score", spoilt)
        async with TestServer(app) as server:
            port, url = server.port, str(server.make_url("/compute_score"))
            one = asyncio.create_task(verl.compute_score("mine", "x", None, {"question": "Hi?"}, url=url))
            await asyncio.wait_for(going.wait(), 30)
        await asyncio.sleep(0.6)  # nobody is there
        settings = Settings(port=port)
        async with (
            Rewarder({"rubric": RUBRIC}, KIND) as rewarder,
            listening(RewardServer(rewarder, settings), settings),
        ):
            return await asyncio.wait_for(one, 30)

    assert asyncio.run(walk())["score"] == 1.0
    assert len(asked) >= 2


def test_verl_shows_a_server_the_token_of_the_environment_and_gaps_as_null(monkeypatch):
    monkeypatch.setenv("JUDGEKIT_REWARD_TOKEN", "0123456789abcdef")
    settings = Settings(port=0, token="0123456789abcdef")  # noqa: S106 - of nothing
    extra = {"question": "How many?", "gap": float("nan"), "gaps": np.array([1.0, np.nan]), "blank": ""}

    async def walk():
        async with (
            Rewarder({"rubric": RUBRIC}, KIND) as rewarder,
            listening(RewardServer(rewarder, settings), settings) as address,
        ):
            asked = ("mine", "x", float("nan"), extra)
            return await verl.compute_score(*asked, url=f"{address}/compute_score")

    assert asyncio.run(walk())["score"] == 1.0
    assert verl._plain(extra)["gaps"] == [1.0, None]  # noqa: SLF001 - what is sent
    assert verl._plain(extra)["blank"] == ""  # noqa: SLF001 - likewise


def test_verl_has_from_a_server_what_it_has_from_a_spec(marks):
    own = '{"id": "own", "criteria": [{"id": "odd", "text": "Is it odd?", "scale": "0-10"}]}'
    settings, path = Settings(port=0), marks(GATED)

    async def walk():
        async with Rewarder(path) as rewarder:
            server = RewardServer(rewarder, settings)
            async with listening(server, settings) as address:
                asked = ("mine", "mark 7", "7")
                whole = await verl.compute_score(*asked, {"question": "?"}, url=f"{address}/compute_score")
                row = {"question": "?", "rubric": own}
                return whole, await verl.compute_score(*asked, row, url=f"{address}/compute_score")

    whole, other = asyncio.run(walk())
    assert whole == scored("mark 7", path)
    assert other.keys() == whole.keys()
    assert math.isnan(other["criterion/good"])


@pytest.mark.parametrize("score", ["NaN", "Infinity", "null", '"1"'])
def test_verl_takes_nothing_for_a_number_that_is_none(score):
    async def odd(_):
        text = f'{{"score": {score}, "jk_gated": 0, "jk_vetoed": 0, "jk_imputed": 0}}'
        return web.Response(text=text, content_type="application/json")

    async def walk():
        app = web.Application()
        app.router.add_post("/", odd)
        async with TestServer(app) as server:
            return await verl.compute_score(
                "mine", "x", None, {"question": "Hi?"}, url=str(server.make_url("/"))
            )

    with pytest.raises(Unrewarded, match="gave no reward but"):
        asyncio.run(walk())


# --- NeMo Gym


def test_gym_items_are_a_conversation_without_thoughts():
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "4."}]}
    items = [
        {"type": "reasoning", "summary": [{"text": "2 + 2?"}]},
        {"type": "function_call", "name": "add", "arguments": '{"a": 2, "b": 2}', "call_id": "1"},
        {"type": "function_call_output", "call_id": "1", "output": "4"},
        said,
    ]

    assert talk_of([said], "the output") == "4."
    assert talk_of(items, "the output") == (
        Message("call", '{"a": 2, "b": 2}', "add"),
        Message("tool", "4", "add"),
        Message("assistant", "4."),
    )
    with pytest.raises(InputError, match="an item of type 'computer_call' is neither"):
        talk_of([{"type": "computer_call"}], "the output")


# --- processes


def test_a_preference_model_can_be_sent_to_another_process():
    from judgekit.rewards.tinker import PreferenceModel

    sent = pickle.dumps(PreferenceModel("spec.toml"))

    assert pickle.loads(sent) == PreferenceModel("spec.toml")  # noqa: S301 - our own
