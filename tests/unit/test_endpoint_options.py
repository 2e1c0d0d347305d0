import pytest

from judgekit.errors import InputError
from judgekit.judges.endpoint import Endpoint, parse_endpoint
from judgekit.roles import Learning, Priced, Served


def test_an_identity_knows_neither_host_nor_name():
    one = Endpoint("http://a:1/v1", "m", name="one", seed=3, extra={"top_k": 1})
    two = Endpoint("https://b/v1", "m", name="two", seed=3, extra={"top_k": 1}, api_key_env="X")

    assert one.identity == two.identity
    assert one.identity == {
        "adapter": "endpoint/1",
        "model": "m",
        "temperature": 0.0,
        "max_tokens": 1024,
        "seed": 3,
        "top_k": 1,
    }
    assert (one.endpoint, two.endpoint) == ("http://a:1", "https://b")


def test_a_copy_with_other_settings_leaves_the_first_as_it_was():
    judge = Endpoint("http://a:1/v1", "m", seed=3, systems=["m"])
    judge.refused.add("seed")
    hot = judge.with_(temperature=1.0, name="hot")

    assert (hot.name, hot.identity["temperature"], hot.identity["seed"]) == ("hot", 1.0, 3)
    assert (hot.systems, hot.refused) == (("m",), set())
    assert (judge.name, judge.identity["temperature"]) == ("m", 0.0)


def test_an_unknown_option_is_answered_by_the_one_meant():
    with pytest.raises(InputError, match="did you mean 'temperature'"):
        Endpoint("http://a:1/v1", "m").with_(temprature=1.0)


def test_a_judge_is_priced_learning_and_served():
    judge = Endpoint("http://a:1/v1", "m")

    assert isinstance(judge, Priced)
    assert isinstance(judge, Learning)
    assert isinstance(judge, Served)


@pytest.mark.parametrize("url", ["http://me:hunter2@h/v1", "http://h/v1?key=hunter2", "h:1/v1", "ftp://h/v1"])
def test_a_url_that_cannot_be_used_is_refused_at_once(url: str):
    with pytest.raises(InputError) as caught:
        Endpoint(url, "m")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "prices", [(1.0, None), (None, 1.0), (-1.0, 1.0), (1.0, float("nan")), (float("inf"), 1.0)]
)
def test_prices_come_in_pairs(prices: tuple[float | None, float | None]):
    read, written = prices

    with pytest.raises(InputError, match="prices"):
        Endpoint("http://h/v1", "m", input_usd_per_million=read, output_usd_per_million=written)


@pytest.mark.parametrize(
    "spec", ["http://h/v1#m", "endpoint:http://h/v1", "endpoint:#m", "endpoint:http://h/v1#", "endpoint:"]
)
def test_a_name_of_another_form_is_refused(spec: str):
    with pytest.raises(InputError, match="endpoint:URL#model"):
        parse_endpoint(spec)


def test_a_name_holds_url_and_model():
    judge = parse_endpoint("endpoint:https://h:8/v1#org/model:7b")

    assert (judge.endpoint, judge.model, judge.name) == ("https://h:8", "org/model:7b", "org/model:7b")


def test_a_judge_without_a_model_is_refused():
    with pytest.raises(InputError, match="no name"):
        Endpoint("http://h/v1", "")
