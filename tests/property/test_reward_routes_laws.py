"""Whatever a trainer sends, it is read or refused in words; reading raises nothing else."""

import orjson
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from judgekit.errors import InputError
from judgekit.rewards.serving.routes import ROUTES, group_of

OWN = ("id", "group", "group_size", "reference", "sources", "rubric", "columns")
KEYS = (
    *OWN, "items", "task", "response", "query", "prompts", "labels", "prompt", "label", "solution_str",
    "question", "ground_truth", "extra_info", "role", "content", "conversation_history", "response_objs",
    "output", "type", "text", "message", "output_text",
)  # fmt: skip
INTS = st.integers(-(2**53), 2**53)
LEAVES = st.none() | st.booleans() | INTS | st.floats() | st.text() | st.sampled_from(KEYS)
VALUES = st.recursive(
    LEAVES,
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), x, max_size=6),
    max_leaves=20,
)
WORDS = st.text(min_size=1)
TEXTS = st.one_of(WORDS, WORDS, WORDS, WORDS, VALUES)
ITEM = st.fixed_dictionaries({"task": TEXTS, "response": TEXTS}, optional=dict.fromkeys(OWN, VALUES))
EXTRA = st.fixed_dictionaries({"question": TEXTS}, optional={"rubric": VALUES, "group": VALUES})
ONE = st.lists(st.sampled_from(["Hi?", "Hi? Hello."]) | TEXTS, min_size=1, max_size=1)
SHAPED = {
    "/v1/rewards": {"items": st.lists(ITEM, min_size=1, max_size=2)},
    "/get_reward": {"query": ONE, "prompts": ONE, "labels": ONE},
    "/score": {"prompt": TEXTS, "response": TEXTS, "label": VALUES},
    "/compute_score": {"solution_str": TEXTS, "ground_truth": VALUES, "extra_info": EXTRA},
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
@given(data=st.data())
def test_a_body_is_read_or_refused(route, data):
    shaped = st.fixed_dictionaries(SHAPED[route.path])
    loose = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
    body = data.draw(st.one_of(shaped, shaped, shaped, loose))
    try:
        body = orjson.loads(orjson.dumps(body))
    except (TypeError, orjson.JSONDecodeError):  # what JSON cannot hold
        return
    try:
        wanted = route.read(body)
    except InputError:
        event("refused")
    else:
        event("read")
        assert wanted
        for each in wanted:
            assert each.key
            assert each.content
            assert group_of({"a": each}).responses
