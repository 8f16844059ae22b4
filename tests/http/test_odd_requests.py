"""Requests that no client should send, as fuzzing finds them: told in words, never a 500."""

import socket
import time
from functools import partial
from typing import Any

import pytest
import requests

from app.demo.sound import name_of, play
from tests.conftest import KEY
from tests.servers import Server

CREDENTIAL = {"Authorization": f"Bearer {KEY}"}
HELLO = [{"role": "user", "content": "hello"}]


def namespaces(depth: int) -> dict[str, Any]:
    """A tool within so many groups."""
    tool: dict[str, Any] = {"type": "function", "name": "add"}
    for _ in range(depth):
        tool = {"type": "namespace", "name": "math", "tools": [tool]}
    return tool


def result(*blocks: dict[str, Any]) -> dict[str, Any]:
    answered = {"type": "tool_result", "tool_use_id": "toolu_1", "content": blocks}
    return {"messages": [{"role": "user", "content": [answered]}]}


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    source = {"type": "content", "content": blocks}
    return result({"type": "document", "source": source})


DOCUMENT = "messages[0].content[0].content[0].source"
REFUSED = {
    "thoughts in a system prompt": (
        "/messages",
        {"system": [{"type": "thinking"}]},
        "system[0].type",
    ),
    "a call in a system prompt": (
        "/messages",
        {"system": [{"type": "tool_use"}]},
        "system[0].type",
    ),
    "a summary in a result": (
        "/messages",
        result({"type": "compaction"}),
        "messages[0].content[0].content[0].type",
    ),
    "a search result in a document": (
        "/messages",
        document({"type": "search_result"}),
        f"{DOCUMENT}.content[0].type",
    ),
    "nothing but an empty system turn": (
        "/messages",
        {"messages": [{"role": "system", "output_config": {}}]},
        "messages",
    ),
    "an item whose type is a list": (
        "/responses",
        {"input": [{"type": [None, None]}]},
        "input[0].type",
    ),
    "groups within groups": ("/responses", {"input": "hi", "tools": [namespaces(300)]}, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(gateway: Server, name: str) -> None:
    path, body, param = REFUSED[name]
    whole = {"model": "demo-echo", "max_tokens": 9, "messages": HELLO, **body}
    answer = requests.post(gateway.url + path, json=whole, headers=CREDENTIAL, timeout=10)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    if path != "/messages":
        assert error["param"] == param
    assert error["message"].startswith(f"{param}: " if param else "The request body")


def test_blocks_of_kinds_that_are_not_known_yet_are_taken(gateway: Server) -> None:
    body = {"model": "demo-echo", "max_tokens": 9, **document({"type": "new_kind", "a": 1})}
    answer = requests.post(f"{gateway.url}/messages", json=body, headers=CREDENTIAL, timeout=10)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("number", "status"), [(5.0, 200), (5.5, 400), (True, 400), ("5", 400)])
def test_a_number_without_a_fraction_is_whole(gateway: Server, number: Any, status: int) -> None:
    body = {"model": "demo-echo", "messages": HELLO, "max_tokens": number}
    url = f"{gateway.url}/chat/completions"
    answer = requests.post(url, json=body, headers=CREDENTIAL, timeout=10)
    assert answer.status_code == status, answer.text


def test_a_form_of_many_parts(gateway: Server) -> None:
    """More than werkzeug would take by itself."""
    lists: list[Any] = [
        (name, (None, "word")) for name in ("keywords", "languages") for _ in range(900)
    ]
    file = ("tune.wav", play(name_of("hello")))
    parts = [("model", (None, "demo-transcriber")), ("file", file), *lists]
    url = f"{gateway.url}/audio/transcriptions"
    answer = requests.post(url, files=parts, headers=CREDENTIAL, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == "hello"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Transfer-Encoding: chunked", '{"model": "secret words"}'),
        ("Transfer-Encoding: chunked", "5;secret words=\n\rabcde\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nabcdesecret words"),
        ("Content-Length: 2", "{}secret words of the rest\r\n\r\n"),
        ("X-Api-Key secret words", ""),
        ("secret words: a\r\n b", ""),
        ("Expect: secret words", ""),
        ("Content-Length: secret words", ""),
        ("Transfer-Encoding: secret words", ""),
    ],
)
def test_what_is_no_http_is_refused_and_not_logged(
    gateway: Server, headers: str, body: str
) -> None:
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer key"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(f"{head}\r\n{headers}\r\n\r\n{body}".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(partial(connection.recv, 65_536), b"")).decode()
    statuses = [line.split()[1] for line in answer.splitlines() if line.startswith("HTTP/1.1 ")]
    assert statuses and set(statuses) <= {"400", "417", "501"}, answer
    time.sleep(0.1)
    assert "secret words" not in gateway.printed()
    assert "Traceback" not in gateway.printed()
