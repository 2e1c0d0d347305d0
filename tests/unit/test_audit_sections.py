"""A section of one's own stands in the audit, in its figures, in the page and in the JSON beside it."""

import json

import judgekit as jk
from judgekit.agreement.auditing.audit import figures
from judgekit.agreement.auditing.sections import SECTIONS
from judgekit.report import findings, read_thresholds
from judgekit.report.draw import picture
from judgekit.report.page import write_report

ROWS = [{"gpt": "yes" if n % 3 else "no", "ann": "yes" if n % 4 else "no"} for n in range(40)]


def halves(case):
    codes = case.two.codes
    if len(codes) < 20:
        raise jk.InputError(f"{len(codes)} units; 20 are needed")
    parts = {"first half": codes[:20], "second half": codes[20:]}
    return {
        name: jk.agreement.percent([[case.two.labels[c] for c in row] for row in part], scale=case.two.labels)
        for name, part in parts.items()
    }


DRIFT = jk.agreement.Section(name="drift", says={"drift": ("Does it <drift>?", "Halves.")}, compute=halves)


def shares(about, judge):
    rows = [(name, 100 * each.value) for name, each in judge.more["shares"].items()]
    chart = jk.agreement.Chart(kind="bars", x="part", value="percent", axes=("percent of <units>", ""))
    return about.figure("shares", ("part", "percent"), rows, 40, chart=chart)


def audited(rows=ROWS, **options):
    frame = {name: [row[name] for row in rows] for name in ("gpt", "ann")}
    import pandas as pd

    return jk.agree(pd.DataFrame(frame), scale=["no", "yes"], judge="gpt", b=50, **options)


def test_it_is_computed_drawn_and_told(tmp_path):
    audit = audited(sections=[DRIFT])
    [judge] = audit.criteria[0].judges
    [figure] = [each for each in figures(audit) if each.kind == "drift"]
    gates = read_thresholds(None)
    page, data, text = write_report(audit, findings(audit, gates), gates, tmp_path / "report.html")

    assert list(judge.more["drift"]) == ["first half", "second half"]
    assert [row[0] for row in figure.rows] == ["gpt", "gpt"]
    assert "Does it &lt;drift&gt;?" in page.read_text()
    [stored] = [each for each in json.loads(data.read_text())["figures"] if each["kind"] == "drift"]
    assert [row[2] for row in stored["rows"]] == [each.value for each in judge.more["drift"].values()]
    assert "drift" in text.read_text()


def test_it_may_have_a_table_and_a_picture_of_its_own():
    own = jk.agreement.Section(
        name="shares", says={"shares": ("Shares?", "Bars.")}, compute=halves, of_judge=shares
    )

    [figure] = [each for each in figures(audited(sections=[own])) if each.kind == "shares"]

    assert figure.id == "c1-j1-shares"
    marks = [shape.attributes.get("data-mark", "") for shape in picture(figure).shapes]
    assert {f"{k} percent {value:.6g}" for k, (_, value) in enumerate(figure.rows)} <= {*marks}
    assert "percent of <units>" in {shape.text for shape in picture(figure).shapes}


def test_what_its_data_do_not_allow_is_said_and_the_audit_goes_on():
    [judge] = audited(ROWS[:10], sections=[DRIFT]).criteria[0].judges

    assert judge.skipped["drift"] == "10 units; 20 are needed"
    assert judge.more == {}
    assert judge.main.n_used == 10


def test_without_one_of_ones_own_nothing_is_added():
    audit = audited()

    assert audit.sections == SECTIONS
    assert audit.criteria[0].judges[0].more == {}
    assert len({each.name for each in SECTIONS}) == len(SECTIONS)
