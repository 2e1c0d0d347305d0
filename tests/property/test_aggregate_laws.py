"""Laws of aggregation: where a score may lie, what moves it, and what must not."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from judgekit.aggregate import rubric_scores
from judgekit.rubric import Criterion, Rubric
from judgekit.types import Abstention, Item, Outcome, Score, Unit, Verdict

ITEM = Item("1", "Why?", {"a": "So."}, systems={"a": "tide"})
UNIT = Unit("1", ("a",))
weights = st.sampled_from([1.0, 2.0, 7.25, 0.1, -1.0, -0.5, -3.0])
values = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.5, 1.0])


@st.composite
def nodes(draw: st.DrawFn, depth: int, ids: list[int]) -> dict[str, Any]:
    """A criterion or a group of them, with ids that count up."""
    ids.append(len(ids))
    name = f"c{ids[-1]}"
    if depth and draw(st.integers(0, 3)) == 0:
        inner = [draw(nodes(depth - 1, ids)) for _ in range(draw(st.integers(1, 3)))]
        return {"id": name, "weight": draw(weights), "criteria": inner}
    dimension = draw(st.sampled_from([None, "form", "content"]))
    return {"id": name, "text": "Is it?", "weight": draw(weights), "dimension": dimension}


@st.composite
def rubrics(draw: st.DrawFn, depth: int = 2) -> Rubric:
    ids: list[int] = []
    criteria = [draw(nodes(depth, ids)) for _ in range(draw(st.integers(1, 4)))]
    return Rubric.model_validate({"id": "r", "criteria": criteria})


def verdict(cid: str, value: float, rater: str = "judge", sample: int = 0) -> Verdict:
    return Verdict(rater, UNIT, cid, (("x", 1.0),), "x", value, sample=sample)


def abstention(cid: str, rater: str = "judge", sample: int = 0) -> Abstention:
    return Abstention(rater, UNIT, cid, "malformed", sample=sample)


def whole(rubric: Rubric, outcomes: Sequence[Outcome], **options: Any) -> Score:
    [score] = [s for s in rubric_scores(rubric, ITEM, outcomes, **options) if s.level == "rubric"]
    return score


@st.composite
def judged(draw: st.DrawFn, depth: int = 2) -> tuple[Rubric, dict[str, float]]:
    """A rubric with a value for each criterion."""
    rubric = draw(rubrics(depth))
    return rubric, {c.id: draw(values) for c in rubric.leaves}


@st.composite
def panels(draw: st.DrawFn) -> tuple[Rubric, list[Outcome]]:
    """What several judges said in several samples, some of it lost."""
    rubric = draw(rubrics())
    outcomes: list[Outcome] = []
    for rater in ("one", "two", "three")[: draw(st.integers(1, 3))]:
        for sample in range(draw(st.integers(1, 3))):
            for c in rubric.leaves:
                lost = draw(st.integers(0, 5)) == 0
                outcomes.append(
                    abstention(c.id, rater, sample) if lost else verdict(c.id, draw(values), rater, sample)
                )
    return rubric, outcomes


def near(one: float | None, two: float | None) -> bool:
    return one is two is None or (
        one is not None and two is not None and math.isclose(one, two, abs_tol=1e-9)
    )


@given(panels(), st.booleans())
def test_a_placed_score_and_its_interval_lie_between_0_and_1(
    panel: tuple[Rubric, list[Outcome]], partial: bool
):
    for score in rubric_scores(*(panel[0], ITEM, panel[1]), rule="placed", partial=partial):
        assert 0.0 <= score.share <= 1.0 + 1e-12
        if score.value is None:
            assert score.low is score.high is None
            continue
        assert 0.0 <= score.value <= 1.0
        if score.low is not None and score.high is not None:
            event("with an interval")
            assert 0.0 <= score.low <= score.high <= 1.0


def sign(rubric: Rubric, cid: str) -> float:
    """The direction in which a criterion moves the score: the product of the weights above it."""

    def of(some: Sequence[Any]) -> float | None:
        for node in some:
            if isinstance(node, Criterion):
                if node.id == cid:
                    return math.copysign(1.0, node.weight)
            elif (inner := of(node.criteria)) is not None:
                return inner * math.copysign(1.0, node.weight)
        return None

    found = of(rubric.criteria)
    assert found is not None
    return found


@given(judged(), st.data())
def test_a_score_moves_with_each_value_in_the_direction_of_its_weight(
    case: tuple[Rubric, dict[str, float]], data: st.DataObject
):
    rubric, before = case
    cid = data.draw(st.sampled_from(sorted(before)))
    step = data.draw(st.floats(1e-3, 1.0))
    assume(before[cid] + step <= 1.0)
    after = before | {cid: before[cid] + step}

    low, high = (whole(rubric, [verdict(c, v) for c, v in some.items()]).value for some in (before, after))

    assert low is not None
    assert high is not None
    assert (high - low) * sign(rubric, cid) > 0.0


@given(judged(depth=0), st.sampled_from(["published", "published_clipped"]))
def test_the_published_rules_move_the_same_way_as_the_placed(
    case: tuple[Rubric, dict[str, float]], rule: Any
):
    rubric, said = case
    assume(any(c.weight > 0 for c in rubric.leaves))
    outcomes = [verdict(cid, value) for cid, value in said.items()]
    won = sum(c.weight for c in rubric.leaves if c.weight > 0)
    lost = sum(c.weight for c in rubric.leaves if c.weight < 0)

    placed, published = (whole(rubric, outcomes, rule=each).value for each in ("placed", rule))

    assert placed is not None
    by_hand = (placed * (won - lost) + lost) / won  # placed between lost and won, then over won
    assert near(published, min(max(by_hand, 0.0), 1.0) if rule == "published_clipped" else by_hand)


@given(judged())
def test_all_that_can_be_won_is_1_and_nothing_is_0(case: tuple[Rubric, dict[str, float]]):
    rubric, said = case
    best = [verdict(cid, float(sign(rubric, cid) > 0)) for cid in said]
    worst = [verdict(cid, float(sign(rubric, cid) < 0)) for cid in said]

    assert near(whole(rubric, best).value, 1.0)
    assert near(whole(rubric, worst).value, 0.0)


@given(judged(), st.sampled_from([2.0, 0.125, 10.0]))
def test_scaling_all_weights_changes_nothing(case: tuple[Rubric, dict[str, float]], factor: float):
    rubric, said = case

    def scaled(raw: Any) -> Any:
        more = {"criteria": [scaled(each) for each in raw["criteria"]]} if "criteria" in raw else {}
        return raw | {"weight": raw["weight"] * factor} | more

    raw = rubric.model_dump()
    other = Rubric.model_validate(raw | {"criteria": [scaled(each) for each in raw["criteria"]]})
    outcomes = [verdict(cid, value) for cid, value in said.items()]

    assert near(whole(rubric, outcomes).value, whole(other, outcomes).value)


@given(panels())
def test_a_panel_of_one_is_its_judge(panel: tuple[Rubric, list[Outcome]]):
    rubric, outcomes = panel
    alone = [o for o in outcomes if o.rater == "one"]
    renamed = [replace(o, rater="somebody else") for o in alone]

    assert rubric_scores(rubric, ITEM, alone, partial=True) == rubric_scores(
        rubric, ITEM, renamed, partial=True
    )


@given(judged(), st.integers(2, 4))
def test_judges_who_agree_to_the_letter_score_as_one_of_them(case: tuple[Rubric, dict[str, float]], n: int):
    rubric, said = case
    one = [verdict(cid, value) for cid, value in said.items()]
    many = [replace(o, rater=f"judge {k}") for k in range(n) for o in one]

    assert near(whole(rubric, one).value, whole(rubric, many).value)


@given(panels(), st.randoms(use_true_random=False))
def test_the_order_of_judges_and_samples_does_not_matter(panel: tuple[Rubric, list[Outcome]], random: Any):
    rubric, outcomes = panel
    shuffled = list(outcomes)
    random.shuffle(shuffled)

    one = {(s.level, s.name): s for s in rubric_scores(rubric, ITEM, outcomes, partial=True)}
    two = {(s.level, s.name): s for s in rubric_scores(rubric, ITEM, shuffled, partial=True)}

    assert one.keys() == two.keys()
    for key, score in one.items():
        for name in ("value", "low", "high"):
            assert near(getattr(score, name), getattr(two[key], name))
        assert score.n_abstained == two[key].n_abstained


@given(st.lists(values, min_size=1, max_size=4), values, st.integers(0, 3))
def test_a_judge_asked_more_often_or_losing_samples_does_not_tilt_the_score(
    first: list[float], second: float, lost: int
):
    rubric = Rubric.model_validate({"id": "r", "criteria": [{"id": "c", "text": "Is it?"}]})
    outcomes: list[Outcome] = [verdict("c", value, "one", k) for k, value in enumerate(first)]
    outcomes += [abstention("c", "one", len(first) + k) for k in range(lost)]
    outcomes += [verdict("c", second, "two")]

    score = whole(rubric, outcomes)

    assert near(score.value, (sum(first) / len(first) + second) / 2)
    assert score.n_abstained == ({"malformed": lost} if lost else {})


@given(judged(depth=0), st.data())
def test_a_missing_criterion_leaves_no_score_or_one_with_its_share(
    case: tuple[Rubric, dict[str, float]], data: st.DataObject
):
    rubric, said = case
    gone = data.draw(st.sets(st.sampled_from(sorted(said)), min_size=1))
    outcomes = [abstention(cid) if cid in gone else verdict(cid, value) for cid, value in said.items()]
    weight = {c.id: abs(c.weight) for c in rubric.leaves}
    kept = sum(w for cid, w in weight.items() if cid not in gone) / sum(weight.values())

    strict, partial = whole(rubric, outcomes), whole(rubric, outcomes, partial=True)

    assert strict.value is None
    assert near(strict.share, kept)
    assert near(partial.share, kept)
    assert (partial.value is None) == (len(gone) == len(said))
    if partial.value is not None:
        criteria = [c for c in rubric.leaves if c.id not in gone]
        rest = Rubric(id="rest", criteria=tuple(criteria))
        assert near(partial.value, whole(rest, [verdict(c.id, said[c.id]) for c in criteria]).value)


@given(judged(), st.data())
def test_the_share_of_a_tree_is_that_of_its_leaves_weighed_through_their_groups(
    case: tuple[Rubric, dict[str, float]], data: st.DataObject
):
    rubric, said = case
    gone = data.draw(st.sets(st.sampled_from(sorted(said)), min_size=1))
    outcomes = [abstention(cid) if cid in gone else verdict(cid, value) for cid, value in said.items()]

    def leaves(some: Sequence[Any], part: float) -> dict[str, float]:
        every = sum(abs(node.weight) for node in some)
        found: dict[str, float] = {}
        for node in some:
            own = part * abs(node.weight) / every
            found |= {node.id: own} if isinstance(node, Criterion) else leaves(node.criteria, own)
        return found

    kept = sum(own for cid, own in leaves(rubric.criteria, 1.0).items() if cid not in gone)

    assert near(whole(rubric, outcomes, partial=True).share, kept)


@given(judged(depth=0), st.floats(0.0, 1.0), st.sampled_from(["gate", "veto"]))
def test_a_gate_that_fails_or_a_veto_that_fires_zeroes_and_is_named(
    case: tuple[Rubric, dict[str, float]], value: float, kind: str
):
    rubric, said = case
    door = Criterion.model_validate({"id": "door", "text": "Is it safe?", kind: True})
    guarded = Rubric(id="g", criteria=(*rubric.criteria, door))
    outcomes = [verdict(cid, v) for cid, v in said.items()]

    score = whole(guarded, [*outcomes, verdict("door", value)])
    unknown = whole(guarded, [*outcomes, abstention("door")])

    fires = value < 0.5 if kind == "gate" else value >= 0.5
    assert score.gate == ("door" if fires else "")
    assert near(score.value, 0.0 if fires else whole(rubric, outcomes).value)
    assert unknown.value is None
