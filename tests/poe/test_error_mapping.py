"""Every foreign class that a call of a bot can raise has an answer of ours."""

import json
from dataclasses import replace
from http.client import HTTPException
from typing import Any

import httpx
import httpx_sse
import pytest
from fastapi_poe.client import BotError, BotErrorNoRetry
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from requests import RequestException

from app.errors import (
    ApiError,
    BotTimeout,
    InvalidRequest,
    KeyRefused,
    NotFound,
    PromptTooLong,
    RateLimited,
    Refused,
    Unauthenticated,
    UpstreamError,
)
from app.poe.error_mapping import Asked, status_error, translate_error, without_key
from app.poe.session import PoeStatus


def subclasses(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


BOT = Asked("the bot 'my-bot'", "bot")
OWN_BOT = Asked("the bot 'my-bot'", "own_bot")
SERVICE = Asked("Poe's account API")

FOREIGN = sorted(
    {
        *subclasses(httpx.HTTPError),
        *subclasses(httpx.StreamError),
        *subclasses(BotError),
        *(kind for kind in subclasses(HTTPException) if kind.__module__.startswith("gevent")),
        httpx.InvalidURL,
        httpx_sse.SSEError,
        HTTPParseError,
        HTTPConnectionClosed,
        ConnectionResetError,
        TimeoutError,
        OSError,
        UnicodeDecodeError,
        json.JSONDecodeError,
        KeyError,
        ValueError,
    },
    key=lambda kind: (kind.__module__, kind.__name__),
)


def bare(kind: type[BaseException]) -> BaseException:
    """An instance, whatever its constructor asks for."""
    error = kind.__new__(kind)
    error.args = ("secret words",)
    if isinstance(error, PoeStatus):
        error.status, error.body, error.retry_after = 500, "", None
    return error


@pytest.mark.parametrize("asked", [BOT, OWN_BOT])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_each_class_is_mapped(kind: type[BaseException], asked: Asked) -> None:
    told = translate_error(bare(kind), asked)
    assert isinstance(told, UpstreamError)
    if issubclass(kind, httpx.ConnectError) and asked is BOT:
        assert told.message == "Poe cannot be reached to ask the bot 'my-bot'."
    elif not issubclass(kind, BotError):
        assert "my-bot" in told.message and "secret words" not in told.message


def test_the_cause_knows_more_than_the_librarys_words() -> None:
    error = BotError("Error communicating with bot x")
    error.__cause__ = httpx.ConnectError("no route")
    assert translate_error(error, BOT).message == "Poe cannot be reached to ask the bot 'my-bot'."
    told = translate_error(error, OWN_BOT).message
    assert told == "The server of the bot 'my-bot' cannot be reached."


@pytest.mark.parametrize(
    ("key", "words", "told"),
    [
        ("secret-1", "bad key: secret-1, secret-1.", "bad key: [key], [key]."),
        ("secret-1", "bad key", "bad key"),
        ("bad", "bad key", "bad key"),
        ("", "bad key", "bad key"),
    ],
)
def test_no_key_in_upstreams_words(key: str, words: str, told: str) -> None:
    assert without_key(words, key) == told


def test_ours_stay_ours() -> None:
    ours = BotTimeout("late")
    assert translate_error(ours, BOT) is ours


def test_the_unknown_is_still_an_answer() -> None:
    assert isinstance(translate_error(RequestException(), BOT), ApiError)
    assert isinstance(translate_error(ZeroDivisionError(), BOT), ApiError)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"detail": "no"}', "no"),
        ('{"error": {"message": "no"}}', "no"),
        ('{"error": "no"}', "no"),
        ("plain no", "no"),
        ("<html>no</html>", None),
        ("[1]", None),
    ],
)
def test_the_words_of_an_error_body(body: str, told: str | None) -> None:
    message = translate_error(PoeStatus(402, body, None), BOT).message
    assert message.startswith("The Poe account")
    assert message.endswith(told) if told else message.endswith("request.")


@pytest.mark.parametrize("event", ["not json", "[]", "{}", '{"text": 5}', '{"error_type": ["x"]}'])
def test_strange_error_events(event: Any) -> None:
    assert translate_error(BotErrorNoRetry(event), BOT).message


def event(**fields: Any) -> BotErrorNoRetry:
    return BotErrorNoRetry(json.dumps(fields))


def test_the_rate_limit_is_an_event_without_a_type() -> None:
    text = "You have exceeded rate limit to query bot using User API Key. error_id: ab-1"
    error = translate_error(event(text=text, allow_retry=False, error_type=None), BOT)
    assert type(error) is RateLimited and error.message == text
    assert error.metadata == {"error_id": "ab-1"}
    assert type(translate_error(event(text="a rate limit"), BOT)) is UpstreamError


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000.",
        "prompt is too long: 205000 tokens > 200000 maximum",
        "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
    ],
)
def test_a_long_prompt_in_the_words_of_the_vendor_behind_a_bot(text: str) -> None:
    body = json.dumps({"error": {"message": text}})
    for asked in (BOT, OWN_BOT):
        untyped = translate_error(event(text=text, allow_retry=False), asked)
        for error in (untyped, status_error(400, body, None, asked)):
            assert type(error) is PromptTooLong
            assert error.message.startswith("prompt is too long: ") and text in error.message
    assert type(status_error(400, body, None, SERVICE)) is InvalidRequest


@pytest.mark.parametrize(
    ("status", "kind"), [(400, InvalidRequest), (403, Refused), (422, InvalidRequest)]
)
@pytest.mark.parametrize("asked", [BOT, OWN_BOT, SERVICE])
def test_one_table_for_all_that_is_asked(status: int, kind: type[ApiError], asked: Asked) -> None:
    assert type(status_error(status, "", None, asked)) is kind


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (Asked("the bot 'x'", "bot", "the-key"), Unauthenticated, "poe.com/api_key"),
        (Asked("the bot 'x'", "bot", "the-key", pooled=True), KeyRefused, "POE_API_KEYS"),
        (Asked("the bot 'x'", "own_bot", "the-key"), UpstreamError, "BOT_URLS"),
        (Asked("Poe's account API", key="the-key"), Unauthenticated, "poe.com/api_key"),
        (Asked("Poe's account API", key="the-key", pooled=True), KeyRefused, "POE_API_KEYS"),
    ],
)
def test_only_the_clients_own_key_is_a_401(asked: Asked, kind: type[ApiError], words: str) -> None:
    error = status_error(401, '{"detail": "bad the-key"}', "9", asked)
    assert type(error) is kind and words in error.message
    assert error.message.endswith("bad [key]") and "the-key" not in repr(error)
    assert (error.retry_after, error.metadata) == ("9", {"upstream_status": 401})


@pytest.mark.parametrize(
    ("asked", "kind"), [(BOT, NotFound), (OWN_BOT, NotFound), (SERVICE, UpstreamError)]
)
def test_a_404_is_a_bot_that_is_not_known(asked: Asked, kind: type[ApiError]) -> None:
    assert type(status_error(404, "", None, asked)) is kind


def test_a_bots_text_is_shown_whole_and_a_services_in_part() -> None:
    body = json.dumps({"detail": "x" * 1_000})
    assert len(status_error(400, body, None, BOT).message) > 1_000
    assert len(status_error(400, body, None, SERVICE).message) < 500


@pytest.mark.parametrize("body", ["[" * 3_000, '{"a":' * 3_000, "[" * 3_000 + "]" * 3_000])
def test_an_error_body_of_many_brackets_is_an_upstream_error(body: str) -> None:
    assert isinstance(status_error(500, body, None, OWN_BOT), UpstreamError)
    assert isinstance(translate_error(BotErrorNoRetry(body), OWN_BOT), UpstreamError)


def test_a_key_that_poses_as_an_error_id_is_removed() -> None:
    key = "sk-of-the-pool-12345678"
    error = translate_error(event(text=f"It broke. error_id: {key}"), replace(BOT, key=key))
    assert key not in f"{error.message} {error.metadata}"
    assert error.metadata == {"error_id": "[key]"}
