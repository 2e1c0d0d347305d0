"""The small server of a run: whom it answers, what it gives, and the page that it and a file hold."""

import asyncio
import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

import judgekit as jk
from judgekit.view.data import payload
from judgekit.view.index import Index
from judgekit.view.page import element, page_of, study_of
from judgekit.view.serve import app_of

RUBRIC = {"id": "tone", "criteria": [{"id": "polite", "text": "Is it polite </script>?"}]}
HOSTILE = "</script><script>alert(1)</script><!-- \ud800 \u2028"
ITEMS = [
    {
        "id": f"{n}",
        "task": f"Hi {n} {HOSTILE[:-5]}",
        "response": f"Hello {n}",
        "system": "a",
        "tags": {"k": "v"},
    }
    for n in range(9)
]
TOKEN = "t" * 32


def says(call: jk.Call) -> str:
    return "no" if call.item is not None and call.item.item_id == "4" else "yes"


@pytest.fixture(scope="module")
def run() -> jk.Run:
    judge = jk.Scripted("kind", lambda call: json.dumps({"label": says(call), "rationale": HOSTILE}))
    return jk.score(ITEMS, RUBRIC, judge, ledger=None)


def ask(run: jk.Run, folder: Path, *paths: str, host: str = "127.0.0.1:1") -> list[tuple[int, bytes, Any]]:
    async def asked() -> list[tuple[int, bytes, Any]]:
        app = app_of(Index(study_of(run, items=ITEMS), folder), TOKEN)
        async with TestClient(TestServer(app)) as client:
            answers = [await client.get(path, headers={"Host": host}) for path in paths]
            return [(each.status, await each.read(), each.headers) for each in answers]

    return asyncio.run(asked())


def test_only_who_knows_the_token_is_answered_and_only_under_a_name_of_this_machine(
    run: jk.Run, tmp_path: Path
):
    paths = [f"/{TOKEN}/", f"/{TOKEN[:-1]}x/", f"/{TOKEN}é/data/first", "/", f"/{TOKEN}/data/first"]
    answers = ask(run, tmp_path, *paths)
    (tmp_path / "other").mkdir()
    [elsewhere] = ask(run, tmp_path / "other", f"/{TOKEN}/data/first", host="evil.example:1")

    assert [status for status, _, _ in answers] == [200, 403, 403, 404, 200]
    assert elsewhere[0] == 403
    assert b"Hello" not in elsewhere[1]
    headers = answers[0][2]
    assert "connect-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_it_gives_the_first_screen_rows_and_units(run: jk.Run, tmp_path: Path):
    base = f"/{TOKEN}/data"
    found = ask(
        run, tmp_path, f"{base}/first", f"{base}/rows?label=no", f"{base}/rows?from=7&n=60&sort=value",
        f"{base}/unit/4", f"{base}/unit/9", f"{base}/unit/x", f"{base}/rows?at=x", f"{base}/else",
    )  # fmt: skip
    first, no, last, unit = (json.loads(body) for _, body, _ in found[:4])
    whole = payload(study_of(run, items=ITEMS))

    assert first["runs"][0]["first"] == whole["runs"][0]["first"]
    assert (no["count"], [row["item"] for row in no["rows"]]) == (1, ["4"])
    assert (last["count"], len(last["rows"])) == (9, 2)
    assert unit["run"]["items"][0]["id"] == "4"
    assert unit["texts"][unit["run"]["outcomes"]["rationale"][0]].startswith("</script><script>alert(1)")
    assert unit["run"]["names"] == whole["runs"][0]["names"]
    assert [status for status, _, _ in found[4:]] == [404] * 4


def test_a_page_runs_its_own_script_and_style_only_and_no_text_ends_the_data(run: jk.Run):
    page = page_of(payload(study_of(run, items=ITEMS)), "tone").decode()

    policy = re.search(r'content="(default-src [^"]*)"', page)[1].replace("&#39;", "'")
    [style], script = re.findall(r"<style>(.*?)</style>", page, re.DOTALL), page.rpartition("<script>")[2]
    for kind, text in (("style", style), ("script", script.partition("</script>")[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(held)["runs"][0]["first"]["counts"]["outcomes"] == 9
    assert page.count("<script") == 2


def test_large_data_are_packed_and_say_so(run: jk.Run):
    data = payload(study_of(run, items=ITEMS))

    plain, packed = element(data), element(data, most=1000)

    form = re.compile(rb'<script type="(.*?)" id="data">(.*)</script>', re.DOTALL)
    (kind, held), (_, shown) = form.fullmatch(packed).groups(), form.fullmatch(plain).groups()
    assert kind == b"application/octet-stream+gzip;base64"
    assert json.loads(gzip.decompress(base64.b64decode(held))) == json.loads(shown)


def test_a_page_leaves_out_what_has_least_to_see_and_counts_all(run: jk.Run):
    data = payload(study_of(run, items=ITEMS), most=4)

    [own] = data["runs"]
    assert (data["left_out"]["outcomes"], data["left_out"]["of"]) == (5, 9)
    assert len(own["units"]) == len(own["items"]) == len(own["outcomes"]["unit"]) == 4
    assert own["first"]["counts"]["outcomes"] == 9
    assert own["first"]["systems"][0]["n"] == 9
