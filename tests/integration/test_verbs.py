import asyncio
import json
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import judgekit as jk
from judgekit.errors import InputError
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.resolve import Scripted
from judgekit.verbs import Writer, prepare

RUBRIC = {
    "id": "tone",
    "criteria": [
        {"id": "polite", "text": "Is the response polite?"},
        {"id": "blames", "text": "Does it blame the customer?", "weight": -1},
    ],
}
YES = '{"rationale": "It says so.", "label": "yes"}'


def items(n=5):
    return [{"id": str(i), "task": "Where is it?", "response": f"At the depot {i}."} for i in range(n)]


def yes(revision=None):
    return Scripted("kind", lambda _: YES, revision)


def rubric_values(run):
    return [score.value for score in run.scores if score.level == "rubric"]


def test_score_works_in_a_plain_script():
    script = (
        "import judgekit as jk\n"
        "from judgekit.judges.resolve import Scripted\n"
        f"run = jk.score({items(2)!r}, {RUBRIC!r}, Scripted('kind', lambda _: {YES!r}), ledger=None)\n"
        "print([s.value for s in run.scores if s.level == 'rubric'])\n"
    )

    said = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)  # noqa: PLW1510

    assert (said.returncode, said.stdout, said.stderr) == (0, "[0.5, 0.5]\n", "")


def test_score_works_where_a_loop_is_running_as_in_a_notebook():
    async def cell():
        return jk.score(items(), RUBRIC, yes(), ledger=None)

    assert rubric_values(asyncio.run(cell())) == [0.5] * 5


def test_score_async_and_stream_scores_async_can_be_awaited():
    async def both():
        run = await jk.score_async(items(), RUBRIC, yes(), ledger=None)
        stream = jk.stream_scores_async(items(), RUBRIC, yes(), ledger=None)
        return run, [score async for score in stream]

    run, streamed = asyncio.run(both())

    assert list(run.scores) == streamed


def in_worker(path):
    return rubric_values(jk.score(items(), RUBRIC, yes("1"), ledger=path))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_score_works_in_a_forked_worker_after_it_ran_in_the_parent(tmp_path):
    here = in_worker(tmp_path / "l.sqlite")

    with multiprocessing.get_context("fork").Pool(2) as pool:
        there = pool.map(in_worker, [tmp_path / "l.sqlite"] * 4)

    assert there == [here] * 4


def test_score_works_in_threads_at_the_same_time_with_one_ledger(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(in_worker, [tmp_path / "l.sqlite"] * 8))

    assert runs == [[0.5] * 5] * 8


def test_a_judge_that_a_stream_has_open_can_be_given_to_another_run(serving):
    with serving(text=YES, latency=0.05) as url:
        judge = Endpoint(url, "mock")
        stream = jk.stream_scores(items(200), RUBRIC, judge, ledger=None, limits=jk.Limits(concurrency=2))
        next(stream)
        other = jk.score(items(), RUBRIC, judge, ledger=None)
        stream.close()

    assert rubric_values(other) == [0.5] * 5


def test_a_stream_gives_what_score_gives_in_the_order_of_the_items():
    streamed = list(jk.stream_scores(iter(items(700)), RUBRIC, yes(), ledger=None))

    assert streamed == list(jk.score(items(700), RUBRIC, yes(), ledger=None).scores)


def test_a_stream_closed_early_leaves_no_thread_no_task_and_no_reply_behind(serving, tmp_path):
    threads = threading.active_count()
    with serving(text=YES, latency=0.01) as url:
        stream = jk.stream_scores(
            items(2000), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite",
            limits=jk.Limits(concurrency=4),
        )  # fmt: skip
        seen = [next(stream) for _ in range(9)]
        stream.close()
        assert threading.active_count() == threads + 1  # the mock server's own

        again = jk.score(items(3), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite")

    assert list(again.scores) == seen
    assert again.summary["new_calls"] == 0


def test_a_stream_nobody_reads_is_not_started():
    asked = []
    judge = Scripted("kind", lambda call: asked.append(call) or YES)

    jk.stream_scores(items(), RUBRIC, judge, ledger=None).close()

    assert asked == []


def test_a_stream_raises_bad_arguments_at_once_and_bad_items_where_they_stand():
    with pytest.raises(InputError, match="no option 'sampels'"):
        jk.stream_scores(items(), RUBRIC, yes(), sampels=2)

    stream = jk.stream_scores(iter([*items(2), {"id": "x"}]), RUBRIC, yes(), ledger=None)
    seen = [next(stream) for _ in range(3)]  # of item 0; whether item 1 has more rows is not known yet

    assert [score.unit.item_id for score in seen] == ["0"] * 3
    with pytest.raises(InputError, match="items: row 3"):
        next(stream)


def test_a_judge_that_raises_each_time_ends_every_verb_with_its_own_words():
    def slip(_):
        raise ZeroDivisionError("mine")

    for verb in (jk.score, lambda *a, **k: list(jk.stream_scores(*a, **k))):
        with pytest.raises(jk.JudgeOutage, match="ZeroDivisionError: mine"):
            verb(items(), RUBRIC, Scripted("kind", slip), ledger=None)


def test_a_reader_that_breaks_off_ends_the_run():
    asked = []
    judge = Scripted("kind", lambda call: asked.append(call) or YES)

    for score in jk.stream_scores(iter(items(100_000)), RUBRIC, judge, ledger=None):
        if score.unit.item_id == "3":
            break
    del score

    assert len(asked) < 20_000


def test_a_stream_says_at_its_end_how_many_rows_it_skipped():
    rows = [*items(), *({"id": f"bad {n}", "task": "Hi", "response": None} for n in range(30))]

    with pytest.warns(UserWarning, match="30 rows were skipped, the first: items: row 6: response is empty"):
        scores = list(jk.stream_scores(rows, RUBRIC, Scripted("kind", lambda _: YES), on_bad_item="skip"))

    assert len({score.unit for score in scores}) == 5


def test_a_summary_counts_all_skipped_rows_and_names_the_first():
    rows = [*items(), *({"id": f"bad {n}", "task": "Hi", "response": None} for n in range(30))]

    run = jk.score(rows, RUBRIC, Scripted("kind", lambda _: YES), on_bad_item="skip", ledger=None)

    assert run.summary["skipped"] == 30
    assert [row.split(":")[1] for row in run.summary["skipped_rows"]] == [f" row {n}" for n in range(6, 26)]


@pytest.mark.parametrize(
    ("options", "calls"),
    [({}, 10), ({"samples": 3}, 30), ({"per_call": None}, 5), ({"protocol": "checklist"}, 5)],
)
def test_a_preview_counts_exactly_what_is_asked_and_sends_nothing(options, calls):
    asked = []
    judge = Scripted("kind", lambda call: asked.append(call) or "hm")

    seen = jk.preview(items(), RUBRIC, judge, **options)
    assert asked == []
    run = jk.score(items(), RUBRIC, judge, ledger=None, **options)

    assert (seen.items, seen.least, seen.most) == (5, calls, 2 * calls)
    assert run.summary["calls"] == len(asked) == seen.most  # nothing can be read, so all is asked again


def test_a_preview_of_several_plans_reads_a_one_pass_source_once(serving):
    pairs = [{"id": str(n), "task": "Hi", "responses": {"x": "Hello.", "y": "What?"}} for n in range(3)]
    with serving() as url:
        judge = Endpoint(url, "mock", input_usd_per_million=100.0, output_usd_per_million=1.0)
        listed, streamed = (
            jk.preview(source, RUBRIC, judge, recipe="researchqa-pairs") for source in (pairs, iter(pairs))
        )

    assert listed.items == 3
    assert streamed == listed


def test_a_preview_is_the_price_of_a_run_at_most(serving):
    with serving(text=YES) as url:
        judge = Endpoint(url, "mock", input_usd_per_million=100.0, output_usd_per_million=1.0)
        long = [{**item, "response": item["response"] * 200} for item in items()]
        seen = jk.preview(long, RUBRIC, judge, reask=False)
        run = jk.score(long, RUBRIC, judge, ledger=None)

    assert seen.least == seen.most == 10
    assert run.summary["input_tokens"] <= seen.input_tokens
    assert run.summary["cost_usd"] <= seen.max_cost_usd


def test_a_second_run_from_the_ledger_repeats_every_row_to_the_byte(serving, tmp_path):
    shares = {"malformed": 0.3, "seed": 3}
    with serving(text=YES, **shares) as url:
        for folder in ("first", "second"):
            run = jk.score(items(50), RUBRIC, Endpoint(url, "mock"), ledger=tmp_path / "l.sqlite")
            run.save(tmp_path / folder)

    first, second = tmp_path / "first", tmp_path / "second"
    assert json.loads((second / "run.json").read_bytes())["new_calls"] == 0
    assert b'"malformed"' in (first / "outcomes.jsonl").read_bytes()
    for name in ("scores.jsonl", "outcomes.jsonl"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_writer_writes_as_it_goes_what_save_writes_at_the_end(tmp_path):
    jk.score(items(), RUBRIC, yes(), ledger=None).save(tmp_path / "saved")

    async def write():
        job = prepare(items(), RUBRIC, yes(), ledger=None)
        with Writer(tmp_path / "written") as writer:
            async for judged in job.judged():
                writer.judged(judged)
            writer.finish(job.summary())

    asyncio.run(write())

    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert names >= {"scores.jsonl", "outcomes.jsonl", "run.json"}
    assert {path.name for path in (tmp_path / "written").iterdir()} == names
    for name in ("scores.jsonl", "outcomes.jsonl"):
        assert (tmp_path / "saved" / name).read_bytes() == (tmp_path / "written" / name).read_bytes()


def test_a_summary_says_what_was_asked_of_whom_and_how_it_went(tmp_path: Path):
    run = jk.score(items(), RUBRIC, yes("7"), ledger=tmp_path / "l.sqlite")

    summary = run.summary
    assert (summary["items"], summary["calls"], summary["verdicts"]) == (5, 10, 10)
    assert summary["judges"] == {"kind": {"scripted": "kind", "revision": "7"}}
    assert summary["stopped"] is None
    assert summary["ledger"] == str(tmp_path / "l.sqlite")
    assert len(run.frame()) == len(run.scores) == 15
    assert len(run.frame("outcomes")) == 10
