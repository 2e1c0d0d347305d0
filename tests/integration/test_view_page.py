"""The page of a run in a real browser: opened from a file, with the network off, by mouse and by keys."""

import json
import random
import re
import subprocess
import sys
import unicodedata
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest

import judgekit as jk
from judgekit.ledger import Ledger
from judgekit.probes.injections import injections
from judgekit.review import read_answers
from judgekit.types import Unit
from judgekit.view.page import element, view_run

DEMO = [
    json.loads(line)
    for line in (Path(jk.__file__).parent / "cli/data/demo.jsonl").read_text("utf-8").splitlines()
]
RUBRIC = {
    "id": "helpful",
    "criteria": [
        {"id": "clear", "text": "Is it clear?", "weight": 2, "scale": {"labels": ["poor", "fair", "good"]}},
        {"id": "correct", "text": "Is all of it correct?"},
        {"id": "safe", "text": "Is it free of private data?", "gate": True},
    ],
}
SIZES = [(360, 780), (900, 900), (1400, 900)]
WATCH = """
addEventListener("securitypolicyviolation", event => console.error("violation " + event.violatedDirective));
window.alert = window.confirm = window.prompt = text => console.error("asked " + text);
"""
CUT = """() => [...document.querySelectorAll("body *")].filter(e => {
    const style = getComputedStyle(e);
    return e.clientWidth > 0 && style.display !== "inline" && style.overflowX === "visible"
        && e.scrollWidth > e.clientWidth + 1 && !e.closest(".unseen, dialog:not([open])");
}).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 60))"""
OUTSIDE = """() => {
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll("main *, header *")].filter(e => {
        const box = e.getBoundingClientRect();
        const shortened = e.closest(".item, .of, .name, .heads > *");  // by dots; the item's screen has all
        return box.width > 1 && (box.right > wide + 1 || box.left < -1) && !e.closest(".unseen")
            && (!shortened || shortened === e);
    }).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 60));
}"""
FAINT = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
    const ground = e => {
        for (; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255];
    };
    const faint = new Map();
    for (const e of document.querySelectorAll("body *")) {
        const says = [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!says || !e.checkVisibility() || e.closest("option, script, .unseen")) continue;
        const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        const contrast = (a + .05) / (b + .05);
        if (contrast < 4.5) faint.set(e.tagName + "." + e.className, contrast.toFixed(2));
    }
    return [...faint];
}"""


def says(name, *, refuses=0.06, flips=(), nudges=()):
    """A judge whose words follow from its name and from what it is asked, but for some flipped and nudged."""

    def answer(call):
        [ask] = call.asks
        rng = random.Random(f"{name} {ask.about} {call.shown} {call.sample}")  # noqa: S311 - no secret
        if rng.random() < refuses:
            return jk.Reply(fault="refused", detail="no word on it")
        labels = [said for said, _ in call.meant] or ask.scale.labels
        label = rng.choice([*labels, labels[-1]])
        about = (ask.unit.item_id, *ask.unit.responses, ask.criterion)
        if about in flips:
            label = labels[0] if label == labels[-1] else labels[-1]
        if about in nudges:
            label = labels[1] if label != labels[1] else labels[0]
        text = str(call.judged[0][1]) if call.judged else ""
        quote = text[:24].strip() if rng.random() < 0.8 else "never said at all"
        reply = {"evidence": [quote], "rationale": f"On {ask.criterion}: it says {quote!r}.", "label": label}
        return jk.Reply(
            json.dumps(reply, ensure_ascii=False, indent=1), model=f"{name}-2026", cost_usd=0.0004,
            input_tokens=700, output_tokens=60, seconds=0.8,
        )  # fmt: skip

    return jk.Scripted(name, answer, revision="1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The demo's items as graded, and in pairs, each saved and drawn: name -> (folder, run, page)."""
    folder, made = tmp_path_factory.mktemp("view"), {}
    items = folder / "items.jsonl"
    items.write_text(
        "".join(json.dumps({**item, "tags": {"topic": "demo"}}) + "\n" for item in DEMO), "utf-8"
    )
    for name, verb, judges in (
        ("graded", jk.score, [says("small"), says("large")]),
        ("pairs", jk.compare, [says("small"), says("large")]),
    ):
        run = verb(items, RUBRIC, judges, samples=2, ledger=folder / f"{name}.sqlite")
        run.save(folder / name)
        view_run(folder / name, folder / f"{name}.html", command=f"judgekit view {name}")
        made[name] = (folder / name, run, folder / f"{name}.html")
    return made


@pytest.fixture
def opened(browser):
    """Opens a page with the network off; whatever it asks for, complains of or violates fails the test."""
    complaints = []

    def open_page(path, at="run", size=(1400, 900), scheme="light"):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, offline=True,
            accept_downloads=True,
        )  # fmt: skip
        page = context.new_page()
        page.add_init_script(WATCH)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(f"{path.as_uri()}#{at}")
        page.wait_for_selector("body[data-screen]")
        return page

    yield open_page
    assert [each for each in complaints if not each.startswith(("file:", "blob:"))] == []


def goto(page, at):
    """Goes to an address within the page, and waits until its screen is drawn."""
    moved = page.evaluate(
        """to => {
            if (location.hash === "#" + to) return false;
            document.querySelector(".screen").dataset.old = 1;
            location.hash = to;
            return true;
        }""",
        at,
    )
    if moved:
        page.wait_for_selector(".screen:not([data-old])", timeout=15_000)


def until(page, holds, about=None):
    """Waits until something holds; the way of Playwright evaluates text, which the policy forbids."""
    for _ in range(150):
        if page.evaluate(holds, about):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never held: {holds}")


def shown(page, screen):
    page.wait_for_selector(f"body[data-screen={screen}]")


def in_ledger(folder, key):
    with Ledger(f"{folder}.sqlite", read_only=True) as ledger:
        return ledger.get([key])[key].text


@pytest.mark.parametrize("name", ["graded", "pairs"])
def test_from_the_mean_to_the_raw_reply_in_four_clicks(name, runs, opened):
    folder, _, html = runs[name]
    page, clicks = opened(html), 0
    for target, screen in (
        (".strip .fact a >> nth=0", "grid"),
        (".rows .row:nth-child(3) .cell a >> nth=0", "item"),
        (".foot a >> nth=0", "call"),
    ):
        page.click(target)
        clicks += 1
        shown(page, screen)

    assert clicks <= 4
    key = page.text_content("#key")
    assert page.text_content("#reply") == in_ledger(folder, key)
    assert "700 read, 60 written" in page.inner_text("main")
    prompt = "".join(page.eval_on_selector_all(".turns .text", "all => all.map(e => e.textContent)"))
    assert "Is it clear?" in prompt


def test_the_same_by_keyboard_alone_and_back_again(runs, opened):
    folder, _, html = runs["graded"]
    page = opened(html)
    tab_to(page, ".strip .fact a")
    page.keyboard.press("Enter")
    shown(page, "grid")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "grid"
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.wait_for_selector("#cell-2-2.active")
    page.keyboard.press("Enter")
    shown(page, "item")
    tab_to(page, ".foot a")
    page.keyboard.press("Enter")
    shown(page, "call")
    assert page.text_content("#reply") == in_ledger(folder, page.text_content("#key"))

    page.keyboard.press("?")
    assert page.is_visible("dialog")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")
    for screen in ("item", "grid", "run"):
        page.keyboard.press("Escape")
        shown(page, screen)
    page.go_back()
    shown(page, "grid")
    page.wait_for_selector("#cell-2-2.active")  # where it was left
    page.keyboard.press("/")
    page.keyboard.type("lighthouse")
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('text=lighthouse')")
    until(page, "document.querySelector('.told b').textContent === '2 responses of 12'")
    assert page.evaluate("document.activeElement.name") == "text"
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    shown(page, "run")
    page.keyboard.press("/")  # from any screen
    until(page, "document.activeElement.name === 'text'")
    page.keyboard.type("haiku")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.told b').textContent === '2 responses of 12'")


def tab_to(page, selector):
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", selector):
            return
    raise AssertionError(f"no Tab leads to {selector}")


def test_numbers_of_the_first_screen_lead_to_as_many_rows_as_pandas_finds(runs, opened):
    _, run, html = runs["graded"]
    outcomes, page = run.frame("outcomes"), opened(html, at="grid")
    outcomes["unit"] = outcomes.item_id + " " + outcomes.responses.map(" ".join)
    clear, by_small = outcomes.criterion == "clear", outcomes.rater == "small"
    poor = clear & (outcomes.label == "poor")
    cases = [
        ({"criterion": "clear", "label": "good"}, clear & (outcomes.label == "good")),
        ({"criterion": "clear", "judge": "small", "label": "poor"}, poor & by_small),
        ({"kind": "abstention"}, outcomes.kind == "abstention"),
        ({"reason": "refused", "judge": "small"}, by_small & (outcomes.reason == "refused")),
        ({"flag": "unfounded"}, outcomes["flags"].map(lambda flags: "unfounded" in flags)),
        ({"criterion": "clear", "bin": 5}, clear & outcomes.value.between(0.5, 0.6, inclusive="left")),
        ({"criterion": "clear", "bin": 9}, clear & (outcomes.value >= 0.9)),
        ({"system": "careful"}, outcomes.responses.map(lambda ids: "careful" in ids)),
        ({"tag": "topic:demo"}, outcomes.kind != ""),
        ({"criterion": "no such"}, outcomes.kind == ""),
    ]  # fmt: skip

    for query, mask in cases:
        goto(page, "grid?" + urlencode(query))
        found = int(page.inner_text(".told b").split()[0])
        assert (query, found) == (query, outcomes[mask].unit.nunique())
        assert len(page.query_selector_all(".set .unseen")) == len(query)


def screens(data):
    found = ["run", "grid", "grid?by=system", "item/1/1?criterion=clear&label=good", "call/1/0/1"]
    return found + ["compare", "change/0"] * bool(data["compare"]) + ["label"] * bool(data["label"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_nothing_is_cut_and_all_text_has_contrast(size, scheme, runs, opened):
    _, _, html = runs["graded"]
    page = opened(html, size=size, scheme=scheme)
    for at in screens({"compare": None, "label": None}):
        goto(page, at)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert (at, page.evaluate(OUTSIDE)) == (at, [])
        assert (at, page.evaluate(CUT)) == (at, [])
        assert (at, page.evaluate(FAINT)) == (at, [])
        assert (at, page.evaluate("document.documentElement.scrollWidth")) <= (at, size[0])


UNNAMED = """() => [...document.querySelectorAll("a, button, input, select, summary, .grid")].filter(e =>
    e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || (e.labels && e.labels.length)))
    .map(e => e.outerHTML)"""
LEVELS = "[...document.querySelectorAll('h1, main :is(h2, h3, h4)')].map(h => +h.tagName[1])"


def test_each_control_has_a_name_and_headings_skip_no_level(flipped, opened):
    folder, _, _ = flipped
    view_run(folder / "after", folder / "named.html", against=folder / "before", items=DEMO)
    page = opened(folder / "named.html", size=(900, 900))
    for at in screens({"compare": True, "label": True}):
        goto(page, at)
        assert (at, page.evaluate(UNNAMED)) == (at, [])
        levels = page.evaluate(LEVELS)
        assert levels[:2] == [1, 2]
        assert all(after <= before + 1 for before, after in pairwise(levels))
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_both_orders_of_a_pair_stand_side_by_side(runs, opened):
    page = opened(runs["pairs"][2], at="item/0/0")

    orders = page.eval_on_selector_all(
        ".verdicts", "all => all.map(g => [...g.querySelectorAll('article')].map(a => a.innerText))"
    )

    assert page.inner_text(".neighbours").strip().startswith("row 1 of 6")
    assert all(len(pair) == 2 for pair in orders)
    for first, second in orders:
        assert "shown in the order careful, then careless" in first
        assert "shown in the order careless, then careful" in second


HOSTILE = (
    "<script>window.owned = 1</script>", "</script><script>window.owned = 1</script>",
    "<img src=x onerror=owned=1>", "<svg onload=owned=1>", '" onmouseover="owned=1',
    "' autofocus onfocus='owned=1", "javascript:owned=1", "<!--", "-->", "]]>",
    "<iframe srcdoc='<script>parent.owned=1</script>'>",
    "<style>*{display:none}</style>", "{{ owned }}", "${owned=1}", "<base href=//127.0.0.1:9>",
    "<meta http-equiv=refresh content=0>", "\u202egnp.exe", "a\u2028b\u2029c", "__proto__", "constructor",
    "a%00b#grid?x=1&y=2/3", "\\u003cscript\\u003e", "&lt;b&gt;&amp;", "x" * 300,
)  # fmt: skip


def hostile():
    found = [*HOSTILE, *(each.plain for each in injections({"clear": "good", "correct": "yes"}))]
    assert len(found) >= 60
    return found[:64]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A run in which each field of each item holds a hostile string."""
    folder, strings = tmp_path_factory.mktemp("attacked"), hostile()
    names = [
        unicodedata.normalize("NFC", " ".join(text.split())[:80].strip()) for text in strings
    ]  # ids stand on one line
    items = [
        jk.Item(
            f"{k} {names[k]}", text, {f"r {names[k]}": text}, reference=text, sources={f"s {names[k]}": text},
            systems={f"r {names[k]}": names[k]}, tags={"topic": names[k]},
        )
        for k, text in enumerate(strings)
    ]  # fmt: skip
    rubric = {
        "id": "hostile",
        "criteria": [
            {"id": f"c {HOSTILE[1]}", "text": HOSTILE[2], "scale": {"labels": [HOSTILE[0], HOSTILE[3]]}},
            {"id": "__proto__", "text": HOSTILE[10], "scale": {"labels": ["no", "yes"]}},
        ],
    }

    def answer(call):
        text = call.item.task
        return json.dumps({"evidence": [text], "rationale": text, "label": call.asks[0].scale.labels[1]})

    run = jk.score(items, rubric, jk.Scripted(HOSTILE[4], answer, revision="1"), ledger=folder / "l.sqlite")
    run.save(folder / "run")
    view_run(folder / "run", folder / "view.html", items=items, command=HOSTILE[1])
    return strings, items, rubric, folder / "view.html"


def test_hostile_texts_in_every_field_run_nothing_and_are_shown_whole(attacked, opened):
    strings, items, rubric, html = attacked
    page = opened(html)
    assert HOSTILE[1] in page.text_content(".made")
    for criterion in rubric["criteria"]:
        assert criterion["id"] in page.text_content(".strips")
        assert criterion["text"] in page.text_content(".strips")
    goto(page, "grid")
    assert items[0].item_id in page.text_content(".rows")

    for k, (text, item) in enumerate(zip(strings, items, strict=True)):
        goto(page, f"item/{k}/{k}")
        texts = page.eval_on_selector_all(
            ".texts .text, .verdict .text", "all => all.map(e => e.textContent)"
        )
        assert (k, texts.count(text)) == (k, 6)  # task, response, reference, source, and two rationales
        told = page.text_content(".screen")
        for name in (item.item_id, *item.responses, *item.systems.values(), *item.sources, HOSTILE[4]):
            assert name in told
        for label in (HOSTILE[3], rubric["criteria"][0]["id"]):
            assert label in told
        if k % 8 == 0:
            goto(page, f"call/{k}/0/{k}")
            assert json.loads(page.text_content("#reply"))["rationale"] == text
            assert HOSTILE[2] in page.text_content(".turns")
    goto(page, "grid?" + urlencode({"tag": f"topic:{HOSTILE[1]}", "criterion": "__proto__"}))
    assert page.inner_text(".told b") == "1 response of 64"
    assert page.evaluate("window.owned") is None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_hostile_texts_leave_no_column_cut(size, attacked, opened):
    page = opened(attacked[-1], size=size)
    for at in ("run", "grid", "grid?by=system", "item/23/23", "item/40/40", "call/23/0/23", "label"):
        goto(page, at)
        assert (at, page.evaluate(OUTSIDE), page.evaluate(CUT)) == (at, [], [])


def test_only_a_window_of_rows_is_drawn_and_it_follows_the_keys(tmp_path, opened):
    items = [jk.Item(f"i{n}", f"task {n}", {"r": f"answer {n}"}) for n in range(1500)]
    run = jk.score(items, RUBRIC, "control:longer", ledger=None)
    view_run(run, tmp_path / "many.html", items=items)
    page = opened(tmp_path / "many.html", at="grid")
    drawn = "document.querySelectorAll('.rows .row').length"
    until(page, f"{drawn} > 5")

    assert page.get_attribute(".grid", "aria-rowcount") == "1501"
    assert page.evaluate(drawn) < 80
    page.keyboard.press("End")
    page.wait_for_selector("#cell-1499-0.active")
    assert "i1499" in page.text_content(".rows")
    assert page.evaluate(drawn) < 80
    page.keyboard.press("Enter")
    shown(page, "item")
    assert "row 1,500 of 1,500" in page.inner_text(".neighbours")
    page.keyboard.press("p")
    until(page, "document.querySelector('h2').textContent === 'Item i1498'")
    page.go_back()
    page.go_back()
    shown(page, "grid")
    page.wait_for_selector("#cell-1499-0.active")


def test_packed_data_and_plain_ones_give_the_same_page(runs, tmp_path, opened):
    html = runs["graded"][2].read_bytes()
    [(plain, raw)] = re.findall(
        rb'(<script type="application/json" id="data">(.*?)</script>)', html, re.DOTALL
    )
    data = json.loads(raw)
    packed = element(data, most=0)
    assert b"gzip" in packed[:80]
    (tmp_path / "packed.html").write_bytes(html.replace(plain, packed))

    texts = [
        [(goto(page, at), page.text_content("main"))[1] for at in screens(data)]
        for page in (opened(runs["graded"][2]), opened(tmp_path / "packed.html"))
    ]

    assert texts[0] == texts[1]
    assert all(len(text) > 100 for text in texts[0])


def test_it_prints_white_with_all_its_rows_and_nothing_cut(runs, opened, tmp_path):
    page = opened(runs["graded"][2], size=(690, 980), scheme="dark")  # A4 less margins
    for at in ("run", "grid", "item/1/1", "call/1/0/1"):
        goto(page, at)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert (at, page.evaluate(CUT)) == (at, [])
        page.pdf(path=tmp_path / "page.pdf", format="A4")
        assert (tmp_path / "page.pdf").stat().st_size > 8_000
        page.emulate_media(media="screen")


def test_what_was_not_kept_is_said(tmp_path, opened):
    run = jk.score(DEMO, RUBRIC, says("steady", refuses=0), ledger=None)
    view_run(run, tmp_path / "bare.html")
    page = opened(tmp_path / "bare.html", at="item/0/0")

    assert "not kept" in page.inner_text(".texts")
    goto(page, "call/0/0/0")
    assert "not kept" in page.inner_text("main")
    assert Unit(DEMO[0]["item_id"], ("careful",)) == run.scores[0].unit


@pytest.fixture(scope="module")
def flipped(tmp_path_factory):
    """A run with five flipped verdicts and three nudged ones, against what it was before."""
    folder, made = tmp_path_factory.mktemp("flipped"), {}
    flips = {(item["item_id"], "careful", "correct") for item in DEMO[:5]}
    nudges = {(item["item_id"], "careless", "clear") for item in DEMO[:3]}
    for name, changes in (("before", {}), ("after", {"flips": flips, "nudges": nudges})):
        judge = says("steady", refuses=0, **changes)
        made[name] = jk.score(DEMO, RUBRIC, judge, ledger=folder / f"{name}.sqlite")
        made[name].save(folder / name)
    return folder, made, flips


def test_five_planted_flips_come_first_and_each_shows_both_replies(flipped, opened):
    folder, made, flips = flipped
    view_run(folder / "after", folder / "view.html", against=folder / "before", items=DEMO)
    page, difference = opened(folder / "view.html", at="compare"), made["after"].diff(made["before"])
    rows = """() => [...document.querySelectorAll("table")].map(t => [...t.querySelectorAll("tbody tr")].map(
        r => [...r.cells].map(c => c.innerText.trim())))"""

    by, changed = page.evaluate(rows)

    assert "are the same in both runs" in page.inner_text("main")
    assert {(*row[0].split("\n"), row[1]) for row in changed[:5]} == flips
    values = [[cell.split() for cell in row[3:5]] for row in changed]
    steps = [abs(float(before[0]) - float(after[0])) for before, after in values]
    assert steps == [1.0] * 5 + [0.5] * 3
    assert {frozenset(said[1] for said in each) for each in values[:5]} == {frozenset({"no", "yes"})}
    told = difference.by[0]
    assert by[0][0] == "all"
    assert float(by[0][1].replace("\u2212", "-")) == pytest.approx(told.estimate.value, abs=0.00051)
    ends = [float(end) for end in by[0][2].replace("\u2212", "-").split(" to ")]
    assert ends == pytest.approx([told.estimate.low, told.estimate.high], abs=0.00051)
    assert [int(n) for n in by[0][4].split(" / ")] == [told.better, told.worse, told.same]
    goto(page, "change/0")
    replies = page.eval_on_selector_all("pre", "all => all.map(e => JSON.parse(e.textContent).label)")
    assert sorted(replies) == ["no", "yes"]
    goto(page, "grid?mark=changed&criterion=correct")
    assert page.inner_text(".told b").startswith("5 responses")
    for at in ("compare", "change/0", "change/7"):
        for size in SIZES:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            goto(page, at)
            assert (at, page.evaluate(OUTSIDE), page.evaluate(CUT)) == (at, [], [])
            assert (at, page.evaluate(FAINT)) == (at, [])


def test_another_rubric_is_announced_before_any_difference(flipped, opened):
    folder, made, _ = flipped
    stricter = {**RUBRIC, "criteria": [{**RUBRIC["criteria"][0], "weight": 5}, *RUBRIC["criteria"][1:]]}
    other = jk.score(DEMO, stricter, says("steady", refuses=0), ledger=None)
    view_run(other, folder / "other.html", against=made["before"], items=DEMO)
    page = opened(folder / "other.html", at="compare")

    note = page.inner_text(".note.bad")

    assert "not made alike" in note
    assert "rubric" in note
    order = (
        "() => document.querySelector('.note').compareDocumentPosition(document.querySelector('table')) & 4"
    )
    assert page.evaluate(order)


@pytest.mark.parametrize("name", ["graded", "pairs"])
def test_labels_are_given_blind_by_keys_and_read_back_without_a_key(name, runs, opened, tmp_path):
    _, run, html = runs[name]
    page = opened(html, at="label", size=(360, 780))
    page.fill("[name=name]", "ann")
    page.keyboard.press("Enter")
    page.wait_for_selector(".choices")
    number = int(page.inner_text(".neighbours b").split()[2])
    assert number == len({(o.unit, o.criterion) for o in run.outcomes})
    seen, chosen = set(), []
    for n in range(number):
        text = page.inner_text("main")
        seen.add(text)
        assert not any(word in text for word in ("careful", "careless", "small", "large"))
        assert (page.evaluate(OUTSIDE), page.evaluate(CUT), page.evaluate(FAINT)) == ([], [], [])
        if n % 5:
            page.keyboard.press("1")
            chosen.append(page.input_value("[type=radio]:checked"))
        page.keyboard.press("n")
        until(
            page,
            "words => document.querySelector('.neighbours').innerText.includes(words)",
            f"question {min(n + 2, number)} of",
        )
    assert len(seen) == number
    with page.expect_download() as saving:
        page.keyboard.press("s")
    saving.value.save_as(tmp_path / "answers.json")

    outcomes = read_answers(tmp_path / "answers.json")

    assert {(o.rater, o.source) for o in outcomes} == {("ann", "human")}
    assert len(outcomes) == len(chosen)
    asked = {(o.unit, o.criterion) for o in run.outcomes}
    assert {(o.unit, o.criterion) for o in outcomes} <= asked
    if name == "pairs":  # the left one, which is now the one and now the other
        assert all(o.label == ("first" if o.shown[0] == o.unit.responses[0] else "second") for o in outcomes)
        assert {o.label for o in outcomes} == {"first", "second"}
    else:
        assert sorted(o.label for o in outcomes) == sorted(chosen)


SERVE = """import sys
from judgekit.view.index import Index
from judgekit.view.page import study_of
from judgekit.view.serve import serve
study = study_of(sys.argv[1], against=sys.argv[3] if len(sys.argv) > 3 else None)
serve(Index(study, sys.argv[2]), lambda address: print(address, flush=True))"""


@contextmanager
def served(browser, *arguments):
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            page, complaints = browser.new_page(), []
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(server.stdout.readline().strip())
            page.wait_for_selector("body[data-screen]")
            yield page
            assert complaints == []
        finally:
            server.terminate()


def test_the_same_page_reads_from_a_server(runs, browser, tmp_path):
    folder, _, _ = runs["graded"]
    with served(browser, folder, tmp_path) as page:
        for target, screen in (
            (".strip .fact a >> nth=0", "grid"),
            (".rows .row:nth-child(3) .cell a >> nth=0", "item"),
            (".foot a >> nth=0", "call"),
        ):
            page.click(target)
            shown(page, screen)
        assert page.text_content("#reply") == in_ledger(folder, page.text_content("#key"))


def test_two_runs_from_a_server_are_compared_as_in_the_file(flipped, browser, tmp_path):
    folder, _, _ = flipped
    view_run(folder / "after", tmp_path / "file.html", against=folder / "before")
    page, at = browser.new_page(), ("compare", "change/6", "run", "item/3/3")
    page.goto((tmp_path / "file.html").as_uri())
    page.wait_for_selector("body[data-screen]")
    with served(browser, folder / "after", tmp_path, folder / "before") as other:
        told = [[(goto(each, screen), each.inner_text("main"))[1] for screen in at] for each in (page, other)]

    made = re.compile(r"judgekit [\d.]+, .*")  # says when
    assert [made.sub("", text) for text in told[0]] == [made.sub("", text) for text in told[1]]
    assert "Before, in before" in told[0][1]


def test_in_the_frame_of_a_notebook_its_links_stay_inside(runs, browser, tmp_path):
    shown_in = view_run(runs["graded"][0])._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!doctype html><title>notebook</title>{shown_in}", "utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto((tmp_path / "notebook.html").as_uri())
    [frame] = [each for each in page.frames if each != page.main_frame]
    frame.click(".strip .fact a >> nth=0")
    frame.wait_for_selector("body[data-screen=grid] #cell-0-0")
    frame.click("#cell-0-0 a")
    frame.wait_for_selector("body[data-screen=item] .texts")

    assert page.title() == "notebook"
    assert page.url.endswith("notebook.html")


def test_a_call_that_was_put_again_shows_the_reply_that_could_not_be_read(tmp_path, opened):
    def answer(call):
        return (
            "Well, it depends." if call.attempt == 1 and call.item.item_id == "haiku" else '{"label": "yes"}'
        )

    rubric = {"id": "one", "criteria": [{"id": "correct", "text": "Is all of it correct?"}]}
    run = jk.score(DEMO, rubric, jk.Scripted("hasty", answer, revision="1"), ledger=tmp_path / "l.sqlite")
    run.save(tmp_path / "run")
    view_run(tmp_path / "run", tmp_path / "view.html", items=DEMO)
    page = opened(tmp_path / "view.html", at="grid?flag=reasked")
    page.click(".rows .cell a >> nth=0")
    page.click(".foot a")
    shown(page, "call")

    replies = page.eval_on_selector_all("pre", "all => all.map(e => e.textContent)")

    assert replies == ['{"label": "yes"}', "Well, it depends."]
    assert "asked a second time" in page.inner_text("main")
    goto(page, "call/0/0")  # of another item, asked once
    assert len(page.query_selector_all("pre")) == 1


SIGNS = "\u202egnp.exe\u202c a\u200bb \u2066c\u2069 \u00add \ufeffe \x1bf \u2028g"
CODES = ["U+202E", "U+202C", "U+200B", "U+2066", "U+2069", "U+00AD", "U+FEFF", "U+001B", "U+2028"]


def test_signs_that_act_unseen_are_seen_and_turn_nothing_around(tmp_path, opened):
    """In ids, names, labels, texts and the raw reply; emoji that are joined, and Hebrew, stay as they are."""
    name = "\u202egnp.exe\u202c"
    family, hebrew = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u05e9\u05dc\u05d5\u05dd"
    item = jk.Item(name, SIGNS, {name: f"{family} {hebrew}"}, systems={name: name}, tags={"topic": name})
    rubric = {"id": "r", "criteria": [{"id": "c", "text": SIGNS, "scale": {"labels": [name, "plain"]}}]}

    def answer(_):
        return json.dumps({"rationale": SIGNS, "label": name}, ensure_ascii=False)

    run = jk.score([item], rubric, jk.Scripted("j", answer, revision="1"), ledger=tmp_path / "l.sqlite")
    run.save(tmp_path / name)
    view_run(tmp_path / name, tmp_path / "view.html", items=[item])
    page = opened(tmp_path / "view.html")
    seen = """of => [...document.querySelectorAll(of + " .unseen-sign")].map(e =>
        [e.dataset.code, getComputedStyle(e, "::before").content, getComputedStyle(e).display])"""
    for at, where, codes in (
        ("run", ".strip", [*CODES, "U+202E", "U+202C"]),  # the criterion's text, its label
        ("run", "h1", ["U+202E", "U+202C"]),
        ("grid", ".rows", ["U+202E", "U+202C"] * 2),
        ("item/0/0", "h2", ["U+202E", "U+202C"]),
        ("item/0/0", ".tag", ["U+202E", "U+202C"]),
        ("item/0/0", ".texts > .given .text", CODES),
        ("item/0/0", ".verdict .word", ["U+202E", "U+202C"]),
        ("call/0/0", "#reply", None),
        ("call/0/0", ".turns", None),
    ):
        goto(page, at)
        found = page.evaluate(seen, where)
        assert (at, where, found != []) == (at, where, True)
        assert codes is None or (at, where, [code for code, _, _ in found]) == (at, where, codes)
        assert {(f'"{code}"', "inline-block") for code, _, _ in found} == {
            each[1:] for each in map(tuple, found)
        }
    goto(page, "item/0/0")
    assert page.query_selector(".pair .text .unseen-sign") is None
    assert name not in page.title()
    assert "U+202Egnp.exe" in page.title()
    # where "gnp.exe" stands: its letters go from left to right
    lefts = page.evaluate("""() => {
        const text = [...document.querySelector("h2 bdi").childNodes].find(e => e.data === "gnp.exe");
        return [0, 3, 6].map(k => {
            const range = document.createRange();
            range.setStart(text, k); range.setEnd(text, k + 1);
            return range.getBoundingClientRect().left;
        });
    }""")
    assert lefts == sorted(lefts)


def test_an_address_of_nothing_says_so_and_leads_back(runs, opened):
    page = opened(runs["graded"][2])
    for at, words, screen in (
        ("item/999/9", "There is no row 999 in this run.", "grid"),
        ("item/-1", "There is no row -1 in this run.", "grid"),
        ("call/1/99/0", "There is no answer 99 to row 1 in this run.", "grid"),
        ("item/999", "There is no row 999 in this run.", "grid"),
    ):
        goto(page, at)
        assert page.inner_text(".note.bad") == words
        page.click("main a")
        shown(page, screen)


def test_an_address_of_nothing_in_a_served_page_or_a_comparison_says_so_too(flipped, browser, tmp_path):
    folder, _, _ = flipped
    with served(browser, folder / "after", tmp_path, folder / "before") as page:
        for at, words in (("item/999/9", "no row 999"), ("change/77", "no change 77")):
            goto(page, at)
            assert words in page.inner_text(".note.bad")
        page.click("main a")
        shown(page, "compare")


def test_a_rule_an_empty_response_and_texts_that_may_be_others_are_said(tmp_path, opened):
    rows = [{"id": "1", "task": "Hi", "response": ""}, {"id": "2", "task": "Hi", "response": "Hello"}]
    rubric = {"id": "r", "criteria": [{"id": "kind", "text": "Is it kind?"}]}
    jk.score(rows, rubric, "control:longer", ledger=None).save(tmp_path / "run")
    view_run(tmp_path / "run", tmp_path / "view.html", items=rows)
    page = opened(tmp_path / "view.html")
    doubt = "The texts come from what was given; whether they are those that were judged is not known."

    assert doubt in page.inner_text("main")
    assert "not known\n\ntokens read" in re.sub(r"\n+", "\n\n", page.inner_text(".facts"))
    goto(page, "item/1/1")
    assert page.inner_text(".texts").startswith(doubt)
    assert page.query_selector(".foot a") is None
    rule = "a rule (control:longer): it asks no model, so there is no reply"
    assert page.inner_text(".foot") == rule
    assert page.inner_text(".pair h3") == "Response"  # not that it is the response "response"
    assert page.inner_text(".lead") == "The response"
    assert "notes" not in page.inner_text(".came thead")
    goto(page, "item/0/0")
    assert page.inner_text(".pair .absent") == "(empty)"


def test_a_search_of_texts_that_are_not_there_says_why_it_finds_nothing(tmp_path, opened):
    jk.score(DEMO, RUBRIC, says("steady", refuses=0), ledger=None).save(tmp_path / "run")
    view_run(tmp_path / "run", tmp_path / "view.html")
    page = opened(tmp_path / "view.html")
    why = "The texts of the items are not shown, their file: the run does not say where it is"

    assert why in page.inner_text("main")
    goto(page, "grid?text=zzz")
    assert why in page.inner_text(".note")
    assert "So a search finds ids and what judges said only." in page.inner_text(".note")


def test_marks_that_a_run_cannot_have_are_not_offered(runs, flipped, opened):
    folder, _, _ = flipped
    view_run(folder / "after", folder / "marks.html", against=folder / "before")
    pages = {
        runs["graded"][2]: set(),
        runs["pairs"][2]: {"order_flipped"},
        folder / "marks.html": {"changed"},
    }
    for html, there in pages.items():
        page = opened(html, at="grid")
        options = page.eval_on_selector_all("[name=mark] option", "all => all.map(e => e.value)")
        legend = page.eval_on_selector_all(".legend .chip", "all => all.map(e => e.dataset.mark)")
        assert {"order_flipped", "changed"} & {*options} == {"order_flipped", "changed"} & {*legend} == there
    words = page.eval_on_selector_all("#words dt", "all => all.map(e => e.textContent)")
    assert len(words) == len(set(words))


def test_long_names_are_cut_in_the_middle_and_open_filters_scroll_with_the_page(tmp_path, opened):
    ids = [f"test_bot.py::test_an_answer_is_polite_and_safe[question number {n}]" for n in range(30)]
    items = [jk.Item(one, "Hi", {"response": f"Hello {one}"}) for one in ids]
    run = jk.score(items, RUBRIC, "control:longer", ledger=None)
    view_run(run, tmp_path / "view.html", items=items)
    for size in SIZES:
        page = opened(tmp_path / "view.html", at="grid", size=size)
        ends = page.evaluate("""() => [...document.querySelectorAll(".cut .end")].slice(0, 5).map(e => {
            const box = e.getBoundingClientRect(), own = e.closest(".cell").getBoundingClientRect();
            return [e.textContent, box.width > 20 && box.right <= own.right + 1];
        })""")
        assert ends == [[one[-16:], True] for one in ids[:5]]
        assert page.text_content(".item") == ids[0]
        assert page.get_attribute(".item", "title") == ids[0]
    page = opened(tmp_path / "view.html", at="grid", size=(360, 780))
    page.click("summary")
    inner, outer = page.evaluate("""() => {
        const e = document.querySelector(".filters");
        return [e.scrollHeight - e.clientHeight, document.documentElement.scrollHeight];
    }""")
    assert inner <= 1
    assert outer > 780
    assert page.evaluate("document.querySelector('.grid').clientHeight") > 300
