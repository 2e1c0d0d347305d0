import pytest

from judgekit.errors import InputError
from judgekit.judges.endpoint import Endpoint
from judgekit.judges.endpoints import parse_endpoint
from judgekit.roles import Learning, Priced, Served


def test_an_identity_knows_where_it_is_asked_and_a_given_name_or_revision_instead():
    one = Endpoint("http://a:1/v1", "m", seed=3, extra={"top_k": 1})
    same = Endpoint("http://A:1/v1/", "m", seed=3, extra={"top_k": 1}, key_env="X")
    settings = {"temperature": 0.0, "max_tokens": 1024, "seed": 3, "top_k": 1}

    assert one.identity == same.identity
    assert one.identity == {"adapter": "endpoint/1", "model": "m", "address": "http://a:1/v1", **settings}
    assert one.identity != Endpoint("http://b:1/v1", "m", seed=3, extra={"top_k": 1}).identity
    assert one.identity != Endpoint("http://a:2/v1", "m", seed=3, extra={"top_k": 1}).identity
    for given in ({"name": "fast"}, {"revision": "2"}, {"name": "fast", "revision": "2"}):
        moved = one.with_(url="https://b/v2", **given)
        assert one.with_(**given).identity == moved.identity
        assert moved.identity == {"adapter": "endpoint/1", "model": "m", **given, **settings}
        assert moved.identity != one.with_(**given, temperature=1.0).identity
        assert moved.identity != one.with_(**given, model="n").identity
    assert (one.endpoint, one.with_(url="https://b/v1").endpoint) == ("http://a:1", "https://b")


def test_the_usual_port_and_the_path_behind_the_base_are_no_part_of_an_address():
    addresses = {Endpoint(url, "m").address for url in ("https://h/v1", "https://H:443/v1/chat/completions/")}

    assert addresses == {"https://h/v1"}


def test_a_setting_unknown_here_tells_judges_apart_without_being_shown():
    plain, one, two = (
        Endpoint("http://a:1/v1", "m", extra=extra) for extra in ({}, {"user": "CANARY-1"}, {"user": "2"})
    )

    assert len({repr(judge.identity) for judge in (plain, one, two)}) == 3
    assert "CANARY" not in repr(one.identity)


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": "CANARY-1"},
        {"extra_headers": {"Authorization": "Bearer CANARY-1", "x-api-key": ["CANARY-1"]}},
        {"chat_template_kwargs": {"token": "CANARY-1"}},
        {"metadata": {"auth": {"deep": "CANARY-1"}}},
    ],
    ids=str,
)
def test_what_goes_by_the_name_of_a_secret_is_no_part_of_an_identity(extra: dict[str, object]):
    def without(value: object) -> object:
        return {k: without(v) for k, v in value.items()} if isinstance(value, dict) else "CANARY-2"

    judge, other = (Endpoint("http://a:1/v1", "m", extra=each) for each in (extra, without(extra)))

    assert judge.identity == other.identity
    assert "CANARY" not in repr(judge.identity) + repr(judge)


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


@pytest.mark.parametrize("url", ["http://h/v1?key=hunter2", "http://a:hun/ter2@h/v1", "h:1/v1", "ftp://h/v1"])
def test_a_url_that_cannot_be_used_is_refused_at_once(url: str):
    with pytest.raises(InputError) as caught:
        Endpoint(url, "m")

    assert "hunter2" not in str(caught.value)
    assert "hun" not in str(caught.value)


def test_a_user_and_password_are_no_part_of_what_is_shown():
    judge = Endpoint("http://me:hunter2@h:1/s3cr3t-t0k3n/v1", "m")

    assert (judge.endpoint, repr(judge)) == ("http://h:1", "Endpoint('http://h:1', 'm')")
    assert judge.address.startswith("http://h:1/~")
    assert judge.address.endswith("/v1")
    assert judge.identity == judge.with_(url="http://you:other@h:1/s3cr3t-t0k3n/v1").identity
    assert judge.identity != judge.with_(url="http://h:1/an0ther-t0k3n/v1").identity


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


@pytest.mark.parametrize("header", ["X-A: 1\r\nEvil", "Content-Length", "host", "X A", "X-Request-ID"])
def test_a_header_that_is_ours_or_none_is_refused(header):
    with pytest.raises(InputError, match="the name of a header of its own"):
        Endpoint("http://127.0.0.1:1/v1", "m", tag_header=header)
