"""What trainers send, read strictly, and what they are answered."""

import subprocess
import sys
from functools import reduce

import pytest

from judgekit.errors import InputError
from judgekit.rewards.core.conversion import response_in, talk_of
from judgekit.rewards.core.records import Reward
from judgekit.rewards.core.spec import load_spec
from judgekit.rewards.serving.limits import Rates, is_loopback, may_ask, token_for
from judgekit.rewards.serving.routes import MOST, ROUTES, Wanted, group_of
from judgekit.types import Message

BY_PATH = {route.path: route for route in ROUTES}
SPEC = load_spec({"rubric": "answer_match", "scheme": "match", "range": [-1, 1]})
TOKEN = "a-token-of-some-length"  # noqa: S105 - of nothing
DEEP: list[object] = reduce(lambda inner, _: [inner], range(900), [])
CHAT = [{"role": "user", "content": "Hi?"}]


def read(path, body):
    return BY_PATH[path].read(body)


def written(path, *rewards):
    return BY_PATH[path].write([Wanted("Hi?", "x") for _ in rewards], rewards, SPEC)


def query(response, prompt="<|user|>Hi?<|assistant|>"):
    return {"query": [prompt + response], "prompts": [prompt], "labels": ["42"]}


def test_our_own_form_has_all_a_group_has():
    item = {
        "id": 7, "group": "g", "group_size": 8, "task": CHAT, "response": "Hello.", "reference": 42,
        "sources": ["A text."], "rubric": [{"id": "kind", "text": "Is it kind?"}], "columns": {"n": 1},
    }  # fmt: skip

    with pytest.raises(InputError, match=r"items\[0\]: sources is a list"):
        read("/v1/rewards", {"items": [item]})
    [wanted] = read("/v1/rewards", {"items": [item | {"sources": {"1": "A text."}}]})

    assert (wanted.name, wanted.group, wanted.size, wanted.reference) == ("7", "g", 8, "42")
    assert wanted.task == "Hi?"
    assert wanted.sources == {"1": "A text."}
    assert wanted.rubric is not None
    assert wanted.rubric["criteria"] == item["rubric"]
    assert wanted.columns == {"n": 1}


def test_the_response_of_openrlhf_is_what_follows_the_prompt():
    [wanted] = read("/get_reward", query(" Hello.<|im_end|>\n<|endoftext|>"))

    assert (wanted.task, wanted.response) == ("<|user|>Hi?<|assistant|>", " Hello.")
    assert wanted.reference == "42"


@pytest.mark.parametrize(
    ("said", "response"),
    [
        ("PROMPT Hello.", " Hello."),
        ("<s>PROMPT Hello.</s>", " Hello."),
        ("PROMPT", ""),
        ("PROMPT<|im_end|> stays <|im_end|>", "<|im_end|> stays"),
        ("PROMPT<\uff5cend\u2581of\u2581sentence\uff5c>", ""),
        ("PROMPTPROMPT", "PROMPT"),
    ],
)
def test_special_tokens_go_from_the_end_only(said, response):
    assert response_in(said, "PROMPT", "query[0]") == response


@pytest.mark.parametrize("much", [" ", "<pad>", " <|im_end|>\n"])
def test_a_policy_that_repeats_itself_holds_up_nobody(much):
    code = (
        "from judgekit.rewards.core.conversion import response_in\n"
        f"said = 'Hi.' + {much!r} * 400_000\n"
        "print(len(response_in('PROMPT' + said + 'x', 'PROMPT', '')) == len(said) + 1)\n"
        f"print(len(response_in('PROMPT' + said, 'PROMPT', '')) == (len(said) if {much!r} == ' ' else 3))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "True\nTrue\n"


def test_a_prompt_that_was_cut_from_the_left_is_still_known():
    prompt = "".join(f"<|user|>{i}. Where is it?\n" for i in range(20))

    assert response_in(prompt[100:] + "Here.", prompt, "query[0]") == "Here."


@pytest.mark.parametrize("said", ["Hello.", "", "x" * 1000, "PROMP"])
def test_a_query_without_its_prompt_is_refused(said):
    with pytest.raises(InputError, match=r"query\[0\] begins with .*, not with its prompt"):
        response_in(said, "PROMPT" * 20, "query[0]")


def test_slime_and_verl():
    [slime] = read("/score", {"prompt": CHAT, "response": "", "label": {"answer": 1}})
    extra = {"question": "Hi?", "num_turns": 2, "index": 5, "group": 5}
    [verl] = read(
        "/compute_score", {"data_source": "d", "solution_str": "x", "ground_truth": "1", "extra_info": extra}
    )

    assert (slime.task, slime.response, slime.reference) == ("Hi?", "", None)
    assert slime.columns == {"label": {"answer": 1}}
    assert (verl.task, verl.response, verl.reference, verl.group) == ("Hi?", "x", "1", "5")
    assert verl.columns == {
        "question": "Hi?",
        "index": 5,
        "group": 5,
        "data_source": "d",
        "ground_truth": "1",
    }


def test_trainers_names_are_ours():
    rows = [{"prompt": CHAT, "completion": "x", "answer": "4", "group_id": "g", "response_id": "r"}]
    [wanted] = read("/v1/rewards", {"items": rows})

    assert (wanted.task, wanted.response, wanted.reference) == ("Hi?", "x", "4")
    assert (wanted.group, wanted.name) == ("g", "r")


def test_a_response_of_gym_is_text_without_thoughts():
    parts = [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": ", no."}]
    message = {"type": "message", "role": "assistant", "content": parts}
    thought = {"type": "reasoning", "content": [{"type": "output_text", "text": "hidden"}]}
    assert (talk_of([thought, message], ""), talk_of([thought], "")) == ("A, no.", "")

    called = {"type": "function_call", "name": "add", "arguments": "{}", "call_id": "1"}
    told = {"type": "function_call_output", "call_id": "1", "output": "4"}

    assert talk_of([called, told], "") == (
        Message("call", "{}", "add"), Message("tool", "4", "add"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/rewards", {}, "the body has no 'items'; found []"),
        ("/v1/rewards", {"items": []}, "'items' is empty"),
        ("/v1/rewards", {"items": {}}, "'items' is a dict, not a list"),
        ("/v1/rewards", {"items": [1]}, "items[0] is an int"),
        ("/v1/rewards", {"items": [{"task": "Hi?"}]}, "items[0] has no 'response'; found ['task']"),
        ("/v1/rewards", {"items": [{"response": "x"}]}, "items[0]: task is missing"),
        ("/v1/rewards", {"items": [{"task": " \n", "response": "x"}]}, "items[0]: task is blank"),
        ("/v1/rewards", {"items": [{"task": "a", "response": 5}]}, "items[0]: response is an int"),
        ("/v1/rewards", {"items": [{"question": "a", "response": "x"}]}, "called 'question'; there are"),
        ("/v1/rewards", {"items": [{"task": "a", "prompt": "a", "response": "x"}]}, "by another name, too"),
        ("/v1/rewards", {"items": [{"task": "a", "response": "x", "group_size": 0}]}, "group_size is 0"),
        ("/v1/rewards", {"items": [{"task": "a", "response": "x", "group_size": 2.5}]}, "not a whole number"),
        ("/v1/rewards", {"items": [{"task": "a", "response": "x", "id": True}]}, "items[0]: id"),
        ("/v1/rewards", {"items": [], "more": 1}, "unknown keys ['more']"),
        ("/v1/rewards", {"items": [{}] * (MOST + 1)}, "send 4096 at most"),
        (
            "/v1/rewards",
            {"items": [{"task": "a", "response": "x", "rubric": {"criteria": DEEP}}]},
            "items[0]: rubric is nested too deeply",
        ),
        ("/get_reward", {"query": ["x"]}, "the body has no 'prompts'"),
        ("/get_reward", {"query": ["x"], "prompts": ["x", "y"]}, "1 query, 2 prompts and 1 labels"),
        ("/get_reward", {"query": [1], "prompts": ["x"]}, "query[0] is an int"),
        ("/score", {"response": "x"}, "prompt is missing"),
        ("/score", {"prompt": "x"}, "the body has no 'response'"),
        ("/compute_score", {"solution_str": "x"}, "extra_info holds no task; found []"),
        ("/compute_score", {"solution_str": "x", "extra_info": [1]}, "extra_info is a list"),
    ],
)  # fmt: skip
def test_a_bad_body_says_where_and_what(path, body, told):
    with pytest.raises(InputError) as raised:
        read(path, body)

    assert told in str(raised.value)


def test_what_trainers_are_answered():
    gated, ok = Reward("g", "a", -1.0, "gated", "is_json"), Reward("g", "b", 0.5, components={"kind": None})

    assert written("/score", ok) == 0.5
    assert written("/compute_score", gated) == {
        "score": -1.0, "jk_gated": 1.0, "jk_vetoed": 0.0, "jk_imputed": 0.0,
        f"criterion/{SPEC.named[0]}": 0.0,
    }  # fmt: skip
    assert written("/get_reward", gated, ok) == {
        "rewards": [-1.0, 0.5],
        "scores": [0.0, 0.75],
        "extra_logs": {"jk_gated": 0.5, "jk_vetoed": 0.0, "jk_imputed": 0.0},
    }
    own = written("/v1/rewards", ok, Reward("g", "c", None, "failed", "refused"))
    assert (own["rewards"], own["status"], own["reasons"]) == ([0.5, None], ["ok", "failed"], ["", "refused"])
    assert own["spec"] == SPEC.digest


def test_a_group_has_the_columns_its_responses_agree_on():
    members = {name: Wanted("Hi?", name, columns={"n": 1, "own": name}) for name in "ba"}

    group = group_of(members)

    assert list(group.responses) == ["a", "b"]
    assert group.columns == {"n": 1}


def test_a_conversation_is_another_task_than_its_words():
    plain, chat = Wanted("Hi?", "a"), Wanted((Message("user", "Hi?"), Message("user", "Well?")), "a")

    assert plain.key != chat.key
    assert plain.key == Wanted("Hi?", "b").key != Wanted("Hi?", "b", reference="c").key


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example"])  # noqa: S104 - refused
def test_beyond_this_machine_there_has_to_be_a_token(host):
    with pytest.raises(InputError, match="needs a token"):
        token_for(host, None, "$TOKEN")
    with pytest.raises(InputError, match="needs 16 printable"):
        token_for(host, "short", "$TOKEN")
    with pytest.raises(InputError, match="no blanks"):
        token_for(host, f"{TOKEN} ", "$TOKEN")

    assert token_for(host, TOKEN, "$TOKEN") == TOKEN


def test_on_the_loopback_there_need_not_be_one():
    assert is_loopback("127.0.0.2")
    assert token_for("localhost", "", "$TOKEN") is None
    assert token_for("::1", TOKEN, "$TOKEN") == TOKEN


@pytest.mark.parametrize(
    ("said", "may"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN[:-1]}", False),
        (TOKEN, False),
        ("Bearer", False),
        ("Basic anVkZ2VraXQ6YS10b2tlbi1vZi1zb21lLWxlbmd0aA==", True),  # judgekit:TOKEN
        ("Basic YS10b2tlbi1vZi1zb21lLWxlbmd0aA==", False),
        ("Basic \u00e9", False),
        ("Basic ====", False),
        ("", False),
    ],
)
def test_the_token_is_the_token(said, may):
    assert may_ask({"Authorization": said}, TOKEN) is may


def test_each_address_has_a_rate_of_its_own_and_few_are_kept():
    rates = Rates(10)

    at_once = [rates.wait("a", 0.0) for _ in range(21)]

    assert at_once[:20] == [0.0] * 20
    assert at_once[20] == pytest.approx(0.1)
    assert rates.wait("b", 0.0) == 0.0
    assert rates.wait("a", 0.1) == 0.0
    for i in range(20_000):
        rates.wait(str(i), 1.0)
    assert len(rates._buckets) == 10_000  # noqa: SLF001 - that it is bounded shows nowhere else
    assert all(Rates(0).wait("a", 0.0) == 0.0 for _ in range(1000))
