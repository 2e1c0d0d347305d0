"""Reward specs: presets to begin from, the commented one of the guide, names, code beside a file."""

import re
import sys
import tomllib
from importlib.resources import files

import pytest

import judgekit as jk
from judgekit.errors import BudgetExceeded, InputError
from judgekit.rewards.core.spec import RewardSpec, load_spec, presets
from judgekit.rewards.trl import reward_func
from judgekit.types import Reply

KIND = {"id": "kind", "criteria": [{"id": "kind", "text": "Is the response kind?"}]}


def commented() -> str:
    guide = files("judgekit").joinpath("guides/rewards.md").read_text(encoding="utf-8")
    [found] = re.findall(r"```toml commented\.toml\n(.*?)```", guide, re.DOTALL)
    return found


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_a_whole_spec_and_a_start(name):
    whole = load_spec(name)

    assert whole.called == name
    assert load_spec({"preset": name, "rubric": whole.rubric}).digest == whole.digest
    assert load_spec({"preset": name, "max_failed": 0.5, "gated": 0.25}).gated == 0.25


def test_presets_ask_what_they_say():
    asked = {name: jk.Rewarder(name, lambda _: "yes").calls(8)[0] for name in ("healthbench", "reference")}
    asked |= {name: jk.Rewarder(name, "control:longer").calls(8)[0] for name in ("pairwise-8", "ruler")}

    criteria = len(load_spec("healthbench").rubric.leaves)
    assert asked == {"healthbench": 8 * criteria, "reference": 8, "pairwise-8": 24, "ruler": 1}


def test_a_preset_that_is_not_there_is_told():
    with pytest.raises(InputError, match=r"preset: did you mean 'ruler'\? There are healthbench, pairwise-8"):
        load_spec({"preset": "rulr"})
    with pytest.raises(
        InputError, match=r"rulr: no such file, and no preset of that name; did you mean 'ruler'"
    ):
        load_spec("rulr")


def test_the_commented_spec_says_what_holds_where_a_key_is_left_out():
    said = tomllib.loads(commented())
    shown = tomllib.loads(re.sub(r"(?m)^# (?=\w+ = )", "", commented()))

    assert load_spec(said).digest == load_spec({**said, "preset": "pairwise-8", "scheme": "explicit"}).digest
    load_spec({**shown, "judges": ["local", "local"]})
    left_out = {key: value for key, value in said.items() if key not in {"rubric", "checks", "judges"}}
    fields = RewardSpec.model_fields
    assert left_out == {key: fields[key].default for key in left_out}


def test_a_reward_is_called_by_its_file_its_name_or_its_rubric(tmp_path):
    (tmp_path / "kindness.toml").write_text('rubric = "answer_match"\nscheme = "match"\n', encoding="utf-8")

    assert load_spec(tmp_path / "kindness.toml").called == "kindness"
    assert load_spec({"rubric": KIND, "name": "tone"}).called == "tone"
    assert load_spec({"rubric": KIND}).digest == load_spec({"rubric": KIND, "name": "tone"}).digest
    assert reward_func({"rubric": KIND}, judges=lambda _: "yes").__name__ == "kind"


def test_code_is_found_beside_the_spec(tmp_path, monkeypatch):
    (tmp_path / "judge_beside_it.py").write_text("def ours(call):\n    return 'yes'\n", encoding="utf-8")
    criterion = '{id = "kind", text = "Is the response kind?"}'
    (tmp_path / "spec.toml").write_text(
        f'judges = "py:judge_beside_it:ours"\nrubric = {{id = "k", criteria = [{criterion}]}}\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "judge_beside_it", raising=False)

    groups = [jk.rewards.Group("1", "Hi", {"a": "Hello"})]
    assert jk.reward(groups, tmp_path / "spec.toml", own_code=True)["1", "a"].value == 1.0
    with pytest.raises(InputError, match="own_code"):
        jk.Rewarder(tmp_path / "spec.toml")


def test_rows_may_have_the_names_that_trainers_give():
    rows = [{"id": "1", "prompt": "Hi", "completion": "Hello", "answer": "Hello"}]
    seen = []
    jk.reward(rows, {"rubric": KIND}, lambda call: seen.append(call.item) or "yes")

    assert (seen[0].task, seen[0].responses, seen[0].reference) == ("Hi", {"response": "Hello"}, "Hello")
    both = [{"id": "1", "task": "Ours", "prompt": "Hi", "completion": "Hello"}]
    jk.reward(both, {"rubric": KIND}, lambda call: seen.append(call.item) or "yes")
    assert seen[-1].task == "Ours"


class Dear:
    """Each call costs a dollar."""

    name, identity, max_tokens = "dear", {}, 10

    def cost(self, *_):
        return 1.0

    async def __call__(self, _):
        return Reply("yes", cost_usd=1.0)


def test_a_budget_is_kept_over_batches_and_sessions():
    rewarder = jk.Rewarder({"rubric": KIND, "budget_usd": 2.5, "max_failed": 1.0}, Dear())
    groups = [[jk.rewards.Group(str(n), "Hi", {"a": f"Hello {n}"})] for n in range(4)]

    assert [rewarder.reward(own)[own[0].key, "a"].value for own in groups[:2]] == [1.0, 1.0]
    for own in groups[2:]:
        with pytest.raises(BudgetExceeded, match="the budget of") as raised:
            rewarder.reward(own)
        assert raised.value.run[own[0].key, "a"].value is None


def test_a_budget_that_cannot_be_kept_is_refused():
    with pytest.raises(InputError, match="so budget_usd could not be kept; give"):
        jk.Rewarder({"rubric": KIND, "budget_usd": 1.0}, "endpoint:http://127.0.0.1:9/v1#none")


def test_a_batch_tells_the_mean_of_each_criterion_and_the_spread_within_groups():
    rubric = {"id": "two", "criteria": [{"id": "kind", "text": "Kind?"}, {"id": "true", "text": "True?"}]}
    spec = {
        "rubric": rubric,
        "checks": [{"name": "short", "kind": "words_at_most", "weight": 1, "settings": {"most": 1}}],
    }

    def judge(call):
        text = call.item.responses["response"]
        return "yes" if call.asks[0].criterion == "kind" or text == "a" else "no"

    groups = [
        jk.rewards.Group("1", "Hi", {"a": "a", "b": "b b"}),
        jk.rewards.Group("2", "Ho", {"a": "a", "b": "a"}),
    ]
    stats = jk.Rewarder(spec, judge).reward(groups).stats

    assert stats["criterion/kind"] == 1.0
    assert stats["criterion/true"] == 0.75
    assert stats["criterion/short"] == 0.75
    assert stats["spread"] == pytest.approx((1.0 - 0.25) / 2 / 2)


@pytest.mark.parametrize("option", [{"partial": True}, {"on_failure": "group_mean"}])
def test_criteria_that_may_be_missing_of_a_reward_are_not_told_with_it(option):
    spec = load_spec({"rubric": KIND, **option})

    assert (spec.named, spec.told) == (("kind",), ())
    assert load_spec({"rubric": KIND}).told == ("kind",)
    assert load_spec({"rubric": KIND, "scheme": "implicit"}).told == ("overall",)
    assert load_spec({"rubric": KIND, "scheme": "pairwise"}).named == ()


def test_a_batch_tells_what_new_calls_read_and_wrote(tmp_path):
    judge = jk.Scripted("counts", lambda _: Reply("yes", input_tokens=70, output_tokens=3), revision="1")
    rewarder = jk.Rewarder({"rubric": KIND, "ledger": str(tmp_path / "l.sqlite")}, judge)
    groups = [jk.rewards.Group("1", "Hi", {"a": "Hello", "b": "Hey"})]
    first, second = (rewarder.reward(groups).stats for _ in range(2))

    assert (first["input_tokens"], first["output_tokens"]) == (140, 6)
    assert (second["input_tokens"], second["output_tokens"]) == (0, 0)


def test_length_is_counted_in_tokens_of_a_named_tokenizer(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({letter: n for n, letter in enumerate("abcdef")}, unk_token="a"))  # noqa: S106
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")  # a token for each letter
    made.save(str(tmp_path / "letters.json"))
    (tmp_path / "spec.toml").write_text(
        'rubric = "support_reply"\n[length]\ntarget = 2\nlimit = 4\nshare = 0.5\ntokenizer = "letters.json"\n'
    )
    groups = [jk.rewards.Group("1", "Hi", {"short": "ab", "long": "abcdef"})]
    yes = jk.Rewarder(tmp_path / "spec.toml", lambda _: "yes")
    told = {reward.response: reward.value for reward in yes.reward(groups)}

    assert told["short"] - told["long"] == pytest.approx(0.5)
    with pytest.raises(InputError, match=r"tokenizer 'none.json' cannot be read"):
        jk.Rewarder({"rubric": KIND, "length": {"target": 2, "tokenizer": "none.json"}}, lambda _: "yes")


def test_help_names_each_preset():
    from judgekit.cli import reward

    assert all(name in reward._PRESETS for name in presets())  # noqa: SLF001 - what both options say
    assert all(f"`{name}`" in (load_spec.__doc__ or "") for name in presets())
