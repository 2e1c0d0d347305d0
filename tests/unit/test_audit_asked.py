"""What an audit says beside agreement on single units: repeats, the judge's own family, populations."""

import json

import numpy as np
import pytest

from judgekit.agreement.auditing.data import repeatability_of, repeats_of
from judgekit.agreement.auditing.sections.favours import family_of
from judgekit.agreement.bias.populations import populations
from judgekit.cli import main
from judgekit.errors import InputError
from judgekit.report import findings, read_thresholds
from judgekit.report.page import write_report
from judgekit.scales import PAIR, Labels, Numbers
from judgekit.types import Abstention, Unit, Verdict
from judgekit.verbs.agree import agree

FIVE = Labels(labels=("1", "2", "3", "4", "5"))
OPTIONS = {"level": 0.95, "seed": 0, "b": 100}


def graded(item: str, label: str, scale=FIVE, sample: int = 0) -> Verdict:
    value = scale.value(label)
    assert value is not None
    return Verdict("gpt", Unit(item, ("a",)), "c", ((label, 1.0),), label, value, sample=sample)


def judged(n: int = 60, samples: int = 3, seed: int = 0) -> tuple[list[dict], list[dict]]:
    """A judge that adds a point to its own, asked three times; experts agree better than a crowd does."""
    rng = np.random.default_rng(seed)

    def score(x: float) -> int:
        return int(np.clip(round(3 + x), 1, 5))

    crowd = (("ann", "expert", 0.2), ("bob", "expert", 0.2), ("cy", "crowd", 0.9), ("di", "crowd", 0.9))
    ours, theirs = [], []
    for i in range(n):
        for system in ("gpt-4o", "llama"):
            z, place = rng.normal(), {"item_id": str(i), "system": system}
            extra = 0.8 if system == "gpt-4o" else 0.0
            ours += [
                {
                    **place,
                    "rater": "openai/gpt-4o",
                    "sample": k,
                    "label": score(z + extra + rng.normal() * 0.3),
                }
                for k in range(samples)
            ]
            theirs += [
                {**place, "rater": who, "population": pool, "label": score(z + rng.normal() * noise)}
                for who, pool, noise in crowd
            ]
    return ours, theirs


def test_repeats_of_a_question_are_counted_by_hand():
    raw = [graded("x", each, sample=k) for k, each in enumerate("112")]  # two of three pairs differ
    raw += [graded("y", "5", sample=k) for k in range(2)]
    raw += [graded("z", "3"), Abstention("gpt", Unit("y", ("a",)), "c", "refused")]

    own = repeats_of(raw, FIVE, {})["gpt"]
    found = repeatability_of(own, **OPTIONS)

    np.testing.assert_array_equal(own.said, [[0, 0, 1], [4, 4, np.nan]])
    assert own.clusters == ("x", "y")
    assert found["flip_rate"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found["all_same"].value == 0.5
    within = (2 * (1 / 12) ** 2 + (1 / 6) ** 2) / 3  # places 0, 0, .25; three degrees of freedom
    assert found["sem"].value == pytest.approx(within**0.5)


def test_a_pair_turned_round_is_another_question():
    unit = Unit("x", ("a", "b"))
    verdicts = [
        Verdict("gpt", unit, "c", ((label, 1.0),), label, PAIR.worth[label], shown=shown, sample=k)
        for shown, label in ((("a", "b"), "first"), (("b", "a"), "second"))
        for k in range(2)
    ]

    own = repeats_of(verdicts, PAIR, {unit: "talk"})["gpt"]

    assert own.said.tolist() == [[2, 2], [0, 0]]
    assert own.clusters == ("talk", "talk")
    assert repeats_of(verdicts[1:3], PAIR, {}) == {}


def test_a_nominal_scale_has_flips_but_no_size_of_them():
    nominal = Labels(labels=("a", "b", "c"), kind="nominal", values=(0, 0, 1))
    raw = [graded(str(i), label, nominal) for i in range(30) for label in ("a", "b" if i % 3 == 0 else "a")]

    found = repeatability_of(repeats_of(raw, nominal, {})["gpt"], **OPTIONS)

    assert found["flip_rate"].value == pytest.approx(1 / 3)
    assert "sem" not in found


def test_a_long_scale_counts_in_shares_of_it():
    raw = [graded(str(i), label, Numbers(low=0, high=100)) for i in range(30) for label in ("40", "60")]

    found = repeatability_of(repeats_of(raw, Numbers(low=0, high=100), {})["gpt"], **OPTIONS)

    assert found["sem"].value == pytest.approx(0.2 / 2**0.5)


def test_repeats_own_family_and_populations_stand_in_the_audit():
    ours, theirs = judged()

    [criterion] = agree(ours, labels=theirs, scale="1-5", b=100).criteria
    [judge] = criterion.judges

    assert judge.repeats["flip_rate"].n_used == 120
    assert 0.1 < judge.repeats["flip_rate"].low < judge.repeats["flip_rate"].high < 0.6
    [favour] = judge.self_preference
    assert (
        0.05 < favour.low < 0.2 < favour.high < 0.3
    )  # .8 of 4 steps, less what the ends of the scale cut off
    lab = criterion.labelled
    direct = populations(
        lab.ratings, judge="openai/gpt-4o", b=100,
        pools={"ann": "expert", "bob": "expert", "cy": "crowd", "di": "crowd"},
    )  # fmt: skip
    assert judge.populations["with expert"].value == pytest.approx(direct.each[0].judge.value)
    gap = judge.populations["own of expert, less of crowd"]
    assert gap.low > 0.1
    assert "repeats" not in judge.skipped


def test_a_scale_of_other_numbers_gives_the_same_in_shares_of_it():
    ours, theirs = judged(n=30)
    both = ([{**row, "label": 25 * (row["label"] - 1)} for row in rows] for rows in (ours, theirs))
    wide, named = (
        agree(a, labels=b, scale=scale, b=50).criteria[0].judges[0]
        for (a, b), scale in ((tuple(both), "0-100"), ((ours, theirs), "1-5"))
    )

    assert wide.self_preference[0].value == pytest.approx(named.self_preference[0].value)
    for name in ("flip_rate", "sem", "icc_repeats"):
        assert wide.repeats[name].value == pytest.approx(named.repeats[name].value), name


def test_what_the_data_do_not_allow_is_said():
    ours, theirs = judged(samples=1)
    plain = [{k: v for k, v in row.items() if k != "population"} for row in theirs]

    [judge] = agree(ours, labels=plain, scale="1-5", judge="openai/gpt-4o", b=50).criteria[0].judges

    assert (judge.repeats, judge.populations) == ({}, {})
    assert "ask with samples=2" in judge.skipped["repeats"]

    other = [{**row, "rater": "claude"} for row in ours]
    [judge] = agree(other, labels=plain, scale="1-5", b=50).criteria[0].judges
    assert judge.self_preference == ()
    assert "declare it" in judge.skipped["self-preference"]


def test_a_family_is_declared_or_a_column():
    ours, theirs = judged(samples=1)
    ours = [{**row, "rater": "judge"} for row in ours]
    by_name = {"gpt": ["judge", "gpt-4o"]}
    column = [{**row, "family": "judge" if row["system"] == "gpt-4o" else "meta"} for row in theirs]

    [declared] = agree(ours, labels=theirs, scale="1-5", families=by_name, b=50).criteria[0].judges
    [said] = agree(ours, labels=column, scale="1-5", b=50).criteria[0].judges

    numbers = [[(e.value, e.low, e.high, e.se) for e in j.self_preference] for j in (declared, said)]
    assert numbers[0] == [pytest.approx(each, nan_ok=True) for each in numbers[1]] != []
    with pytest.raises(InputError, match="family 'gpt': no judge or system 'gtp-4o'; there are gpt-4o"):
        agree(ours, labels=theirs, scale="1-5", families={"gpt": ["judge", "gtp-4o"]}, b=50)


@pytest.mark.parametrize(
    ("name", "family"),
    [("openai/gpt-4o", "gpt-4o"), ("endpoint:http://here/v1#Qwen", "qwen"), ("a", "one"), ("GPT", "gpt")],
)
def test_names_lose_their_provider(name, family):
    assert family_of(name, {"a": "One"}) == family


def test_of_pairs_only_those_with_one_own_response_count():
    rows, labels = [], []
    for i in range(120):
        names = [("gpt", "llama"), ("llama", "gpt"), ("llama", "qwen")][i % 3]
        winner = ("A", "B")[(i // 3) % 2]
        pair = {"item_id": str(i), "first": names[0], "second": names[1]}
        its = "A" if names[0] == "gpt" else "B"
        favours = "gpt" in names and i % 5 == 0
        rows.append({**pair, "rater": "gpt", "label": its if favours else winner})
        labels.append({**pair, "rater": "ann", "label": winner})

    [judge] = agree(rows, labels=labels, responses_are_systems=True, b=100).criteria[0].judges

    own, logit, chance = judge.self_preference
    assert own.n_used == 80
    assert own.value > 0
    assert logit.n_used == chance.n_used == 80
    # It sees all wins of its own, and of the 40 of others all but the ones it took for itself.
    lost = sum("gpt" in (r["first"], r["second"]) and r["label"] != t["label"]
               for r, t in zip(rows, labels, strict=True))  # fmt: skip
    assert lost > 0
    assert chance.value == pytest.approx(lost / 40)


def test_populations_of_units_are_told_from_those_of_people():
    ours, theirs = judged(samples=1)
    by_unit = [{**row, "population": "even" if int(row["item_id"]) % 2 == 0 else "odd"} for row in theirs]

    [judge] = agree(ours, labels=by_unit, scale="1-5", b=50).criteria[0].judges

    assert judge.populations["with even"].n_used == 60
    assert "even with odd" not in judge.populations
    by_unit[1]["population"] = "odd"
    with pytest.raises(
        InputError, match=r"row \d+: population differs .* row 2 from one about the same unit"
    ):
        agree(ours, labels=by_unit, scale="1-5", b=50)


def test_each_is_a_figure_of_the_report_and_of_its_twins(tmp_path):
    ours, theirs = judged()
    made, gates = agree(ours, labels=theirs, scale="1-5", b=50), read_thresholds()

    write_report(made, findings(made, gates), gates, tmp_path / "report.html")

    drawn = {f["kind"]: f for f in json.loads((tmp_path / "report.json").read_text())["figures"]}
    text, page = ((tmp_path / f"report.{kind}").read_text() for kind in ("md", "html"))
    for kind in ("repeats", "family", "populations"):
        assert drawn[kind]["n"] == 120
        assert "95%" in drawn[kind]["interval"]
        assert drawn[kind]["title"] in text
        assert drawn[kind]["title"] in page
    assert "SEM" in drawn["repeats"]["notes"][0]
    assert drawn["populations"]["notes"] == ["the raters are taken as fixed"]
    assert [row[1] for row in drawn["populations"]["rows"]][:2] == ["with expert", "expert among themselves"]


def test_the_command_takes_a_family(tmp_path, capsys):
    ours, theirs = judged(n=10)
    for name, rows in (("judge", ours), ("labels", theirs)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = [str(tmp_path / "judge.jsonl"), "--labels", str(tmp_path / "labels.jsonl"), "--scale", "1-5"]

    for family, code in (("kin=openai/gpt-4o,llama", 0), ("kin", 2), ("kin=nobody", 2)):
        with pytest.raises(SystemExit) as left:
            main(["agree", *files, "--resamples", "50", "--json", "--family", family])
        assert left.value.code == code, family
        if not code:
            [favour] = json.loads(capsys.readouterr().out)["criteria"][0]["judges"][0]["self_preference"]
            assert favour["value"] < 0  # llama's responses are its own now, and get no point more
