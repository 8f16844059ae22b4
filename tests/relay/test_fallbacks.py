"""Another bot answers where the first one cannot, as long as nothing was sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from app.config import ConfigError, load_settings
from tests.conftest import KEY, StartGateway
from tests.servers import Server

BEARER = {"Authorization": f"Bearer {KEY}"}
USER = [{"role": "user", "content": "x"}]
PATHS = ("chat/completions", "responses", "messages")


@pytest.fixture(scope="module")
def server(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Server:
    config = tmp_path_factory.mktemp("config") / "poegate.toml"
    config.write_text('[bot]\n"status-404" = {fallback = ["status-503", "count-4"]}\n')
    return start_gateway(POEGATE_CONFIG=str(config), HEADERS_WAIT="1")


def post(
    server: Server, path: str, model: str, *others: str, stream: bool = False, **fields: Any
) -> requests.Response:
    body: dict[str, Any] = {"model": model, "stream": stream, **fields}
    if path == "responses":
        body |= {"input": "x", "models": list(others)}
    elif path == "messages":
        named = [{"model": name} for name in others]
        body |= {"messages": USER, "max_tokens": 900, "fallbacks": named}
    else:
        body |= {"messages": USER, "models": list(others)}
    return requests.post(f"{server.url}/v1/{path}", json=body, headers=BEARER, timeout=20)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", ["status-402", "status-429", "typed-insufficient_fund"])
def test_the_next_one_answers_by_its_name(
    server: Server, path: str, stream: bool, first: str
) -> None:
    answer = post(server, path, first, "no-such-bot", "count-3", stream=stream)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-poegate-fallbacks"] == "2"
    assert '"model":"count-3"' in answer.text.replace(" ", "")
    assert first not in answer.text and "no-such-bot" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_first_one_that_answers_is_the_only_one(
    server: Server, path: str, seen: Callable[[], Any]
) -> None:
    before = seen()["calls"].get("count-5", 0)
    answer = post(server, path, "count-3", "count-5")
    assert answer.json()["model"] == "count-3" and "x-poegate-fallbacks" not in answer.headers
    assert seen()["calls"].get("count-5", 0) == before


def test_the_file_names_others_too(server: Server) -> None:
    answer = post(server, "chat/completions", "status-404")
    assert answer.json()["model"] == "count-4"
    assert answer.headers["x-poegate-fallbacks"] == "2"


@pytest.mark.parametrize("first", ["status-400", "status-403", "typed-user_message_too_long"])
def test_what_another_bot_would_not_mend_is_told(server: Server, first: str) -> None:
    answer = post(server, "chat/completions", first, "count-3")
    assert answer.status_code in (400, 403) and "x-poegate-fallbacks" not in answer.headers


def test_the_last_error_is_told(server: Server) -> None:
    answer = post(server, "chat/completions", "status-429", "status-402")
    assert answer.status_code == 402


def test_a_stream_that_has_begun_has_no_fallback(server: Server) -> None:
    answer = post(server, "chat/completions", "cut-3", "count-3", stream=True)
    assert "x:0" not in answer.text and "x-poegate-fallbacks" not in answer.headers


def test_of_a_whole_answer_that_broke_nothing_was_sent(server: Server) -> None:
    answer = post(server, "chat/completions", "cut-3", "count-3")
    assert answer.json()["choices"][0]["message"]["content"] == "x:0 x:1 x:2 "
    assert answer.json()["model"] == "count-3"


@pytest.mark.parametrize("value", ["[]", '["a", "b", "c", "d"]', "5", '[""]', "[1]"])
def test_the_files_fallbacks_are_checked(tmp_path: Path, value: str) -> None:
    config = tmp_path / "poegate.toml"
    config.write_text(f'[bot]\n"GPT-*" = {{fallback = {value}}}\n')
    with pytest.raises(ConfigError, match="expected one to 3 bots"):
        load_settings({"POEGATE_CONFIG": str(config)})


def test_headers_that_are_sent_name_the_model(server: Server) -> None:
    """The first one fails after HEADERS_WAIT: the stream has begun with its name."""
    answer = post(server, "chat/completions", "late-2", "count-3", stream=True)
    assert answer.status_code == 200 and '"model":"late-2"' in answer.text
    assert '"error"' in answer.text and "x:0" not in answer.text


@pytest.mark.parametrize(
    ("path", "others", "param"),
    [
        ("chat/completions", ["a", "b", "c", "d"], "models"),
        ("chat/completions", [".."], "models[0]"),
        ("messages", ["a", "b", "c", "d"], "fallbacks"),
    ],
)
def test_what_cannot_be_a_fallback(
    server: Server, path: str, others: list[str], param: str
) -> None:
    answer = post(server, path, "count-3", *others)
    assert answer.status_code == 400 and param in answer.json()["error"]["message"]


def test_a_token_may_ask_each_of_them(start_gateway: StartGateway, tmp_path: Any) -> None:
    config = tmp_path / "poegate.toml"
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of "test"
    config.write_text(
        '[bot]\n"status-404" = {fallback = ["demo-echo", "count-4"]}\n'
        f'[token.narrow]\nsha256 = "{digest}"\nmodels = ["count-*", "status-*"]\n'
    )
    server = start_gateway(POEGATE_CONFIG=str(config), POE_API_KEYS="key-one")
    url, headers = f"{server.url}/v1/chat/completions", {"Authorization": "Bearer test"}
    body = {"model": "status-404", "messages": USER}
    answer = requests.post(url, json=body, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["model"]) == (200, "count-4")
    answer = requests.post(url, json={**body, "models": ["demo-echo"]}, headers=headers, timeout=20)
    assert answer.status_code == 403 and "fallbacks" in answer.json()["error"]["message"]
