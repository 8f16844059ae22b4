"""Every foreign class that a call of a bot can raise has an answer of ours."""

import json
from http.client import HTTPException
from typing import Any

import httpx
import httpx_sse
import pytest
from fastapi_poe.client import BotError, BotErrorNoRetry
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from requests import RequestException

from app.errors import ApiError, BotTimeout, UpstreamError
from app.poe.error_mapping import translate_error, without_key
from app.poe.session import PoeStatus


def subclasses(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


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


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_each_class_is_mapped(kind: type[BaseException], own: bool) -> None:
    told = translate_error(bare(kind), "my-bot", own=own)
    assert isinstance(told, UpstreamError)
    if issubclass(kind, httpx.ConnectError) and not own:
        assert told.message == "Poe cannot be reached to ask the bot 'my-bot'."
    elif not issubclass(kind, BotError):
        assert "my-bot" in told.message and "secret words" not in told.message


def test_the_cause_knows_more_than_the_librarys_words() -> None:
    error = BotError("Error communicating with bot x")
    error.__cause__ = httpx.ConnectError("no route")
    assert translate_error(error, "x").message == "Poe cannot be reached to ask the bot 'x'."
    told = translate_error(error, "x", own=True).message
    assert told == "The server of the bot 'x' cannot be reached."


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
    assert translate_error(ours, "x") is ours


def test_the_unknown_is_still_an_answer() -> None:
    assert isinstance(translate_error(RequestException(), "x"), ApiError)
    assert isinstance(translate_error(ZeroDivisionError(), "x"), ApiError)


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
    message = translate_error(PoeStatus(402, body, None), "x").message
    assert message.startswith("The Poe account")
    assert message.endswith(told) if told else message.endswith("bot.")


@pytest.mark.parametrize("event", ["not json", "[]", "{}", '{"text": 5}', '{"error_type": ["x"]}'])
def test_strange_error_events(event: Any) -> None:
    assert translate_error(BotErrorNoRetry(event), "x").message
