from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from judgekit.errors import InputError, ProviderError
from judgekit.judges.servers import NO_KEYS, Keys, address_of, complaint_of, wait_of
from judgekit.judges.wire import body_of, refusal_of, reply_of, settings_of
from judgekit.types import Call, Message

CALL = Call("j", (), "grade", (Message("system", "Judge."), Message("user", "Hello")))
LETTERS = Call("j", (), "grade", (Message("user", "Hello"),), letters=(("A", "yes"), ("B", "no")))
SCHEMA = Call("j", (), "grade", (Message("user", "Hello"),), schema={"type": "object"})
SENT = {
    "temperature": 0.0,
    "max_tokens": 5,
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 20,
    "response_format": {"type": "json_schema"},
}


def dropped(message: str, *, status: int = 400, param: str | None = None) -> str | None:
    with pytest.raises(ProviderError) as caught:
        refusal_of(status, message, SENT, param=param)
    return caught.value.dropped


def said(content: object, finish: str = "stop", **message: object) -> dict[str, object]:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}


def test_a_body_holds_the_messages_and_the_settings_that_are_set():
    assert body_of(CALL, "m", {"temperature": 0.0}, set()) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "Hello"}],
        "temperature": 0.0,
    }


def test_letters_ask_for_one_token_with_its_alternatives():
    body = body_of(LETTERS, "m", {"max_tokens": 1024}, set())

    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)


def test_without_logprobs_their_number_makes_no_sense_either():
    assert not {"logprobs", "top_logprobs"} & body_of(LETTERS, "m", {}, {"logprobs"}).keys()


def test_a_server_with_a_lower_limit_is_asked_for_fewer_alternatives():
    assert body_of(LETTERS, "m", {}, {"top_logprobs>5"})["top_logprobs"] == 5
    assert "top_logprobs" not in body_of(LETTERS, "m", {}, {"top_logprobs>5", "top_logprobs"})


def test_a_refused_max_tokens_goes_by_its_other_name():
    body = body_of(CALL, "m", {"max_tokens": 9}, {"max_tokens"})

    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Unsupported value: 'temperature' does not support 0.0 with this model.", "temperature"),
        ("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.", "max_tokens"),
        ("[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs ...'}]", "seed"),
        ("This response_format type is unavailable now", "response_format"),
        ("json_schema is not supported", "response_format"),
        ("unexpected grammar", "response_format"),
        ("Gaudi doesn't support logprobs. Please remove 'logprobs'/'top_logprobs'", "logprobs"),
        ("top_logprobs must be less than or equal to 5", "top_logprobs>5"),
        ("max_tokens is too large: this model supports at most 4 completion tokens", None),
        ("temperature rises (invalid_request_error)", None),
        ("invalid top_p", None),  # which was not sent
        ("messages: at least one is needed", None),
    ],
)
def test_a_parameter_complained_about_is_dropped(message: str, name: str | None):
    assert dropped(message) == name


def test_a_server_may_name_the_parameter_itself():
    assert dropped("We do not like this.", param="response_format.json_schema") == "response_format"
    assert dropped("You are not allowed to request logprobs", status=403) == "logprobs"
    assert dropped("No.", param="messages") is None


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_passing(status: int):
    with pytest.raises(ProviderError) as caught:
        refusal_of(status, "later", {}, 3.0)

    assert (caught.value.passing, caught.value.status, caught.value.retry_after) == (True, status, 3.0)


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410, 422, 501])
def test_what_cannot_pass_is_lasting(status: int):
    with pytest.raises(ProviderError) as caught:
        refusal_of(status, "no", {})

    assert not caught.value.passing


@pytest.mark.parametrize(
    ("message", "wait", "passing"),
    [
        ("You exceeded your current quota (insufficient_quota)", 20.0, False),
        ("You exceeded your current quota, please check your plan and billing details.", None, False),
        ("You exceeded your current quota, please check your plan and billing details.", 20.0, True),
        ("You exceeded your current quota (RESOURCE_EXHAUSTED)", None, True),
        ("Rate limit reached", None, True),
    ],
)
def test_spent_money_lasts_and_a_full_minute_passes(message: str, wait: float | None, passing: bool):
    with pytest.raises(ProviderError) as caught:
        refusal_of(429, message, {}, wait)

    assert caught.value.passing is passing


@pytest.mark.parametrize(
    ("status", "message", "fault"),
    [
        (400, "maximum context length is 4096 tokens, use fewer max_tokens; invalid", "too_long"),
        (413, "", "too_long"),
        (400, "prompt is too long: 9 tokens > 8 maximum", "too_long"),
        (400, "the prompt triggered our content management policy (content_filter)", "refused"),
    ],
)
def test_what_is_wrong_with_the_request_itself_is_a_reply(status: int, message: str, fault: str):
    assert refusal_of(status, message, SENT).fault == fault


@pytest.mark.parametrize(
    ("body", "text", "fault"),
    [
        (said("yes"), "yes", None),
        (said(None), "", None),
        (said([{"type": "text", "text": "ye"}, {"text": "s"}]), "yes", None),
        (said("ye", "length"), "ye", "truncated"),
        (said("", "content_filter"), "", "refused"),
        (said(None, refusal="I will not"), "", "refused"),
        (said(None, provider_specific_fields={"refusal": "I will not"}), "", "refused"),
        ({**said("yes"), "usage": 3, "model": 4, "system_fingerprint": []}, "yes", None),
        (said("yes", {"reason": "length"}), "yes", None),
        (said("yes", refusal=["no"], provider_specific_fields=7), "yes", None),
    ],
)
def test_a_completion_of_any_shape_is_a_reply(body: dict[str, object], text: str, fault: str | None):
    reply = reply_of(body)

    assert (reply.text, reply.fault) == (text, fault)


def test_one_letter_is_whole_although_it_was_cut_there():
    assert reply_of(said("A", "length"), letters=True).fault is None
    assert reply_of(said("", "length"), letters=True).fault == "truncated"  # spent on thinking


def test_the_first_token_is_read_with_its_alternatives():
    top = [{"token": "B", "logprob": -2}, {"token": 3, "logprob": -1}, {"token": "C", "logprob": None}, 7]
    first = {"token": "A", "logprob": -0.1, "top_logprobs": top}
    body = {"choices": [{"message": {"content": "A"}, "logprobs": {"content": [first]}}]}

    assert reply_of(body, letters=True).logprobs == (("A", -0.1), ("B", -2.0))
    assert reply_of(body).logprobs == ()


def test_a_price_needs_tokens():
    def price(read: int, written: int) -> float:
        return read + 10.0 * written

    counted = {**said("yes"), "usage": {"prompt_tokens": 2, "completion_tokens": 3}}

    assert reply_of(counted, price=price).cost_usd == 32.0
    assert reply_of(counted).cost_usd is None
    assert reply_of(said("yes"), price=price).cost_usd is None


def test_an_error_inside_a_200_is_an_error():
    with pytest.raises(ProviderError) as caught:
        reply_of({"error": {"message": "overloaded", "code": 503}})
    with pytest.raises(ProviderError) as nameless:
        reply_of({"choices": [{"error": {"message": "sk-abcdef123456 failed"}, "message": {"content": "y"}}]})

    assert (caught.value.status, caught.value.passing) == (503, True)
    assert str(nameless.value) == "HTTP 502: [key] failed"


def test_a_wait_may_be_a_date():
    later = datetime.now(UTC) + timedelta(seconds=60)

    assert wait_of({"retry-after": format_datetime(later, usegmt=True)}) == pytest.approx(60, abs=5)
    assert wait_of({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_a_finite_number_of_seconds_or_none(headers: dict[str, str], wait: float | None):
    assert wait_of(headers) == wait


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefgh",
        "sk-ant-api03_abc",
        "gsk_abcdefgh",
        "AIzaSyA1234567890",
        "AKIAABCDEFGHIJKLMNOP",
        "hunter2",
        "HUNTER2",
    ],
)
def test_keys_are_taken_out(key: str):
    assert key not in Keys("hunter2").out_of_error(f"wrong key {key}, or {key}.")


def test_what_stands_for_a_key_is_taken_out_whatever_it_looks_like():
    text = NO_KEYS.out_of_error("https://x/v1?key=zzz&a=1 Authorization: Bearer yyy api_key=www")

    assert text == "https://x/v1?key=[key]&a=1 Authorization: Bearer [key] api_key=[key]"
    assert (
        NO_KEYS.out_of_error("the key and the token are risk-averse")
        == "the key and the token are risk-averse"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no", "code": 7}}, "no (7)"),
        ({"error": {"message": ["no"], "code": {"a": 1}}}, "['no'] ({'a': 1})"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ([1], "[1]"),
        ("<html>busy", "<html>busy"),
    ],
)
def test_an_error_of_any_shape_has_words(body: object, words: str):
    assert complaint_of(body)[0] == words


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"max_tokens": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"extra": {"stream": True}},
        {"extra": {"model": "other"}},
    ],
)
def test_a_setting_out_of_bounds_is_an_input_error(options: dict[str, object]):
    nothing = {"temperature": None, "max_tokens": None, "top_p": None, "seed": None, "extra": {}}

    with pytest.raises(InputError, match=next(iter(options))):
        settings_of(**{**nothing, **options})


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://host:port/v1",
        "http://[::1/v1",
        "http://me:hunter2@host/v1",
        "http://host/v1?key=hunter2",
        "http://host/v1#hunter2",
    ],
)
def test_a_url_that_is_none_or_holds_a_secret_is_refused_without_showing_it(url: str):
    with pytest.raises(InputError) as caught:
        address_of(url, "the URL")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_is_its_origin_and_its_path():
    assert address_of("https://Host/v1/chat/completions", "url") == ("https://host", "/v1")
    assert address_of("http://[::1]:80/", "url") == ("http://[::1]:80", "")


@pytest.mark.parametrize(
    ("tokens", "noted"),
    [(4096, 1), (10_001, 0), (26_000, 0), (None, 0), (0, 0)],
)
def test_a_server_that_seems_to_have_cut_a_prompt_is_noted(tokens, noted):
    sent = {"messages": [{"role": "user", "content": "several words " * 10_000}]}
    counts: Counter[str] = Counter()
    body = {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": tokens}}

    reply_of(body, sent=sent, noted=counts)

    assert sum(counts.values()) == noted
    assert all("it may have cut them" in words for words in counts)
