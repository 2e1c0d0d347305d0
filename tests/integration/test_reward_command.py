"""`judgekit reward`: a server that is told to end, rewards for a file, a spec shown."""

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from judgekit.cli import loaded, main

SPEC = """
judges = "py:slowly:judge"
scheme = "SCHEME"
ledger = "replies.sqlite"
deadline_seconds = 30.0

[rubric]
id = "marks"
[[rubric.criteria]]
id = "good"
text = "How good is it?"
"""
JUDGE = """
import asyncio, re
from judgekit.judges.resolve import Scripted

async def answer(call):
    await asyncio.sleep(0.3)
    if call.protocol == "compare":
        first, second = (int(call.item.responses[name]) for name in call.shown)
        return '{"label": "%s"}' % ("A" if first > second else "B")
    return '{"label": "%s"}' % ("yes" if "1" in dict(call.judged)["response"] else "no")

judge = Scripted("slow", answer, "1")
"""
RANKS = [0.0, 1 / 3, 2 / 3, 1.0]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "slowly.py").write_text(JUDGE, encoding="utf-8")
    for scheme in ("explicit", "round_robin"):
        (tmp_path / f"{scheme}.toml").write_text(SPEC.replace("SCHEME", scheme), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "slowly", raising=False)
    return tmp_path


def command(*arguments):
    """Exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return left.value.code


@asynccontextmanager
async def served(*arguments, **environment):
    """A server in a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from judgekit.cli import main; main()", "reward", "serve", "--port", "0",
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **environment},  # noqa: PTH109 - the test's folder
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield process, line.split(": ")[0], line
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_waiting(session, url, n):
    async with asyncio.timeout(20):
        while True:
            async with session.get(f"{url}/stats") as answer:
                if (await answer.json())["waiting"] == n:
                    return
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("folder")
def test_told_to_end_it_answers_all_that_has_begun_and_takes_in_nothing_new():
    async def walk():
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        async with served("--spec", "round_robin.toml", "--own-code") as (process, url, _), session:

            async def post(group, text):
                body = {"prompt": f"Task {group}", "response": str(text)}
                async with session.post(f"{url}/score?group=4&window_ms=20000", json=body) as answer:
                    return group, answer.status, await answer.json()

            whole = [asyncio.create_task(post(group, text)) for group in range(20) for text in range(4)]
            cut = [asyncio.create_task(post(group, text)) for group in (20, 21) for text in range(3)]
            await until_waiting(session, url, 86)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                while True:
                    async with session.get(f"{url}/health") as answer:
                        if answer.status == 503:
                            break
            refused = await post("new", 0)
            last = [asyncio.create_task(post(group, 3)) for group in (20, 21)]
            answers = await asyncio.wait_for(asyncio.gather(*whole, *cut, *last), 30)
            await asyncio.wait_for(process.wait(), 30)
            return answers, refused, process.returncode, (await process.stderr.read()).decode()

    answers, refused, code, errors = asyncio.run(walk())

    assert (code, errors) == (0, "")
    assert refused[1] == 503
    assert "no new groups" in refused[2]["error"]
    assert {status for _, status, _ in answers} == {200}
    for group in range(22):
        own = sorted(value for key, _, value in answers if key == group)
        assert own == pytest.approx(RANKS), f"group {group} lost something"


@pytest.mark.usefixtures("folder")
def test_told_to_end_it_lets_a_window_run_out():
    async def walk():
        async with served("--spec", "round_robin.toml", "--own-code") as (process, url, _):
            async with aiohttp.ClientSession() as session:
                body = {"items": [{"id": n, "task": "T", "response": n, "group": "g"} for n in "12"]}
                posted = asyncio.create_task(
                    session.post(f"{url}/v1/rewards?group=4&window_ms=1500", json=body)
                )
                await until_waiting(session, url, 2)
                process.send_signal(signal.SIGTERM)
                said = await (await asyncio.wait_for(posted, 20)).json()
            return said["rewards"], await asyncio.wait_for(process.wait(), 20)

    assert asyncio.run(walk()) == ([0.0, 1.0], 0)


@pytest.mark.usefixtures("folder")
def test_what_takes_too_long_to_drain_is_given_up_and_told():
    async def walk():
        options = ("--spec", "round_robin.toml", "--own-code", "--drain-seconds", "0.2")
        async with served(*options) as (process, url, _), aiohttp.ClientSession() as session:
            post = session.post(f"{url}/score?group=4&window_ms=60000", json={"prompt": "T", "response": "1"})
            posted = asyncio.create_task(post)
            await until_waiting(session, url, 1)
            process.send_signal(signal.SIGINT)
            code = await asyncio.wait_for(process.wait(), 20)
            with pytest.raises(aiohttp.ClientError):
                await posted
            return code, (await process.stderr.read()).decode()

    code, errors = asyncio.run(walk())

    assert code == 3
    assert "not all was answered within 0.2 s" in errors


@pytest.mark.parametrize("hangs", ["judge", "check", "client"])
def test_told_to_end_it_ends_in_time_whatever_hangs(folder, hangs):
    never = {
        "judge": "async def answer(call):\n    await asyncio.Event().wait()",
        "check": "def check(seen):\n    time.sleep(120)",
        "client": "",
    }
    code = "import asyncio, time\n" + JUDGE.replace("\njudge =", never[hangs] + "\njudge =")
    (folder / "slowly.py").write_text(code, encoding="utf-8")
    spec = SPEC.replace("SCHEME", "explicit")
    if hangs == "check":
        spec += '[[checks]]\nname = "own"\nkind = "py:slowly:check"\nweight = 1.0\n'
    (folder / "hangs.toml").write_text(spec, encoding="utf-8")

    async def walk():
        options = ("--spec", "hangs.toml", "--own-code", "--drain-seconds", "0.5")
        async with served(*options) as (process, url, _):
            address = url.removeprefix("http://").split(":")
            halves = [await asyncio.open_connection(*address) for _ in range(20)]
            for _, writer in halves:
                writer.write(b"POST /score HTTP/1.1\r\nHost: localhost\r\n")
            if hangs != "client":
                async with aiohttp.ClientSession() as session:
                    post = session.post(f"{url}/score", json={"prompt": "T", "response": "1"})
                    posted = asyncio.create_task(post)
                    await until_waiting(session, url, 1)
                    process.send_signal(signal.SIGTERM)
                    code = await asyncio.wait_for(process.wait(), 20)
                    await asyncio.wait([posted])
            else:
                process.send_signal(signal.SIGTERM)
                code = await asyncio.wait_for(process.wait(), 20)
            for _, writer in halves:
                writer.close()
            return code

    assert asyncio.run(walk()) == (0 if hangs == "client" else 3)


@pytest.mark.usefixtures("folder")
def test_beyond_this_machine_it_does_not_start_without_a_token(capsys, monkeypatch):
    monkeypatch.delenv("JUDGEKIT_REWARD_TOKEN", raising=False)

    assert command("reward", "serve", "--spec", "explicit.toml", "--own-code", "--host", "0.0.0.0") == 2  # noqa: S104
    assert "needs a token" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_token_from_the_environment_is_asked_for_and_not_printed():
    async def walk():
        options = ("--spec", "explicit.toml", "--own-code", "--token-env", "MINE")
        async with served(*options, MINE="tr0ub4dor-and-3-more") as (process, url, line):
            async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as answer:
                status = answer.status
            process.terminate()
            await process.wait()
            return status, line + (await process.stderr.read()).decode()

    status, said = asyncio.run(walk())

    assert status == 401
    assert "requests need the token" in said
    assert "tr0ub4dor" not in said


@pytest.mark.usefixtures("folder")
def test_the_request_that_the_help_shows_is_answered():
    shown = re.search(r"-d\s+'(.*?)'", loaded("reward").commands["serve"].help, re.DOTALL)[1]

    async def walk():
        json_ = {"content-type": "application/json"}
        async with (
            served("--spec", "explicit.toml", "--own-code") as (_, url, _),
            aiohttp.ClientSession(headers=json_) as session,
            session.post(f"{url}/v1/rewards", data=shown) as answer,
        ):
            return answer.status, await answer.json()

    status, answered = asyncio.run(walk())

    assert (status, answered["status"]) == (200, ["ok"])


@pytest.mark.usefixtures("folder")
def test_a_taken_port_is_told(capsys):
    async def walk():
        async with served("--spec", "explicit.toml", "--own-code") as (_, url, _):
            port = url.rsplit(":", 1)[1]
            return await asyncio.to_thread(
                command, "reward", "serve", "--spec", "explicit.toml", "--own-code", "--port", port
            )

    assert asyncio.run(walk()) == 2
    assert "cannot listen on 127.0.0.1 port" in capsys.readouterr().err


def test_a_file_is_given_rewards_and_again_without_a_call(folder, capsys):
    rows = [
        {"id": "a", "task": "T", "responses": {"x": "1", "y": "2"}},
        {"id": "b", "task": "U", "response": "1"},
    ]
    (folder / "groups.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    give = ("reward", "give", "groups.jsonl", "--spec", "explicit.toml", "--own-code", "--batch", "1")

    assert command(*give, "--out", "first.jsonl") == 0
    first = capsys.readouterr().out
    assert command(*give, "--out", "again.jsonl") == 0
    again = capsys.readouterr().out

    assert "3 rewards in 2 groups: 3 ok; 3 calls, 3 of them new" in first
    assert "3 calls, 0 of them new" in again
    assert (folder / "first.jsonl").read_bytes() == (folder / "again.jsonl").read_bytes()
    written = [json.loads(line) for line in (folder / "first.jsonl").read_text("utf-8").splitlines()]
    assert [(row["item_id"], row["response_id"], row["reward"]) for row in written] == [
        ("a", "x", 1.0), ("a", "y", 0.0), ("b", "response", 1.0),
    ]  # fmt: skip


def test_what_cannot_be_rewarded_is_null_with_a_reason(folder, capsys):
    (folder / "one.jsonl").write_text('{"id": "a", "task": "T", "response": "1"}\n', encoding="utf-8")

    code = command(
        "reward", "give", "one.jsonl", "--spec", "round_robin.toml", "--own-code", "--out", "out.jsonl"
    )

    [row] = [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]
    assert code == 3  # it was the only one
    assert (row["reward"], row["status"]) == (None, "failed")
    assert "alone in its group" in row["reason"]
    assert "1 failed" in capsys.readouterr().out


def test_after_an_outage_what_there_is_is_written(folder, capsys):
    (folder / "slowly.py").write_text(
        JUDGE.replace("    await", '    return "no idea"\n    await'), encoding="utf-8"
    )
    (folder / "many.jsonl").write_text(
        "".join(f'{{"id": "{i}", "task": "T", "response": "{i}"}}\n' for i in range(20)), encoding="utf-8"
    )

    code = command(
        "reward",
        "give",
        "many.jsonl",
        "--spec",
        "explicit.toml",
        "--own-code",
        "--out",
        "out.jsonl",
        "--batch",
        "10",
    )

    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]
    assert code == 3
    assert [row["reward"] for row in rows] == [None] * 10
    assert "stopped: 10 of 10 rewards failed" in capsys.readouterr().err


def test_pairs_are_made_and_cost_nothing_again(folder, capsys):
    responses = {name: str(n) for n, name in enumerate("abcd")}
    row = {"id": "a", "task": "T", "responses": responses}
    (folder / "groups.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    common = ("groups.jsonl", "--spec", "round_robin.toml", "--own-code")

    assert command("reward", "pairs", *common, "--margin", "0.5", "--out", "pairs.jsonl") == 0
    said = capsys.readouterr().out
    assert command("reward", "give", *common, "--out", "rewards.jsonl") == 0
    again = capsys.readouterr().out

    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text("utf-8").splitlines()]
    assert "3 rows; left out: 3 tie" in said
    assert "12 calls, 0 of them new" in again
    assert {(row["chosen"], row["rejected"]) for row in pairs} == {("3", "0"), ("3", "1"), ("2", "0")}
    assert all(row["margin"] >= 0.5 for row in pairs)


def test_single_responses_are_labelled(folder):
    row = {"id": "a", "task": "T", "responses": {"a": "1", "b": "2"}}
    (folder / "groups.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")

    code = command(
        "reward", "pairs", "groups.jsonl", "--spec", "explicit.toml", "--own-code", "--form", "kto",
        "--good", "0.8", "--bad", "0.2", "--out", "kto.jsonl",
    )  # fmt: skip

    rows = [json.loads(line) for line in (folder / "kto.jsonl").read_text("utf-8").splitlines()]
    assert code == 0
    assert [(row["completion"], row["label"]) for row in rows] == [("1", True), ("2", False)]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--form", "kto"), "needs --good and --bad"),
        (("--form", "mine"), "no format 'mine'"),
        (("--each", "best"), "there are all and extremes"),
    ],
)
def test_what_pairs_cannot_be_made_of_is_told_before_any_call(options, told, capsys):
    code = command(
        "reward", "pairs", "no-file.jsonl", "--spec", "explicit.toml", "--own-code", "--out", "x", *options
    )

    assert code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["give", "pairs"])
def test_what_is_read_is_not_overwritten_and_what_cannot_be_written_is_told_before_any_call(
    folder, capsys, verb
):
    rows = '{"id": "a", "task": "T", "responses": {"x": "1", "y": "2"}}\n'
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    (folder / "old.jsonl").write_text("old\n", encoding="utf-8")
    told = {
        ("rows.jsonl", "../" + folder.name + "/rows.jsonl"): "is the file that is read",
        ("rows.jsonl", "."): "cannot be written",
        ("rows.jsonl", "old.jsonl/out.jsonl"): "cannot be written",
        ("no-file.jsonl", "old.jsonl"): "cannot be read",
    }

    for (read, out), why in told.items():
        asked = ("reward", verb, read, "--spec", "explicit.toml", "--own-code", "--out", out)
        assert command(*asked) == 2
        assert why in capsys.readouterr().err

    assert (folder / "rows.jsonl").read_text("utf-8") == rows
    assert (folder / "old.jsonl").read_text("utf-8") == "old\n"
    assert not (folder / "replies.sqlite").exists()


@pytest.mark.usefixtures("folder")
def test_a_spec_is_shown_with_what_a_group_costs(capsys):
    assert command("reward", "show", "round_robin.toml", "--own-code", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert command("reward", "show", "round_robin.toml", "--own-code") == 0
    text = capsys.readouterr().out

    assert told["scheme"] == "round_robin, relative to the group"
    assert told["calls"]["8"][0] == 56
    assert len(told["digest"]) == 64
    assert told["digest"] in text
    assert "group of 8" in text


def test_a_judge_of_a_spec_is_refused_with_the_file_and_in_the_keys_of_a_file(tmp_path, capsys):
    spec = tmp_path / "spec.toml"
    spec.write_text(
        'rubric = "answer_alone"\njudges = {judge = "endpoint:http://127.0.0.1:1/v1#m", temprature = 0}\n'
    )

    assert command("reward", "show", str(spec)) == 2
    told = capsys.readouterr().err

    assert f"{spec}: judges: no option 'temprature'; did you mean 'temperature'?" in told
    assert " key_env, " in told


@pytest.mark.usefixtures("folder")
def test_a_spec_that_imports_code_is_refused_unless_allowed(capsys):
    assert command("reward", "show", "explicit.toml") == 2
    assert "py:slowly:judge" in capsys.readouterr().err


def test_what_a_spec_means_is_said_without_its_judge(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("judgekit.judges.local.ENGINE", "no-such-engine")
    spec = tmp_path / "spec.toml"
    spec.write_text('rubric = "support_reply"\njudges = "local"\nparts = "step"\n')

    assert command("reward", "show", str(spec)) == 0
    said = capsys.readouterr()
    assert "scheme       explicit" in said.out
    assert "each of their parts at most" in said.out
    assert "the embedded judge needs no-such-engine" in said.err
