"""Which way a request goes: every decision, with its reason."""

from typing import Any

import pytest

from app.core.upstream import (
    CHAT,
    MESSAGES,
    RESPONSES,
    VIDEOS,
    Obstacle,
    decide,
    first_user_text,
    names_file,
    parts_of,
    text_chars,
)
from app.dialects.chat import native as chat
from app.dialects.messages import native as messages
from app.dialects.responses import native as responses
from app.errors import InvalidRequest

N = Obstacle("n above 1", "n")
ALL = {CHAT, RESPONSES, MESSAGES}


@pytest.mark.parametrize(
    ("setting", "facts", "words"),
    [
        ("bot", {"listed": ALL}, "bot; UPSTREAM=bot"),
        ("bot", {"listed": ALL, "goes_on": True}, "bot; UPSTREAM=bot"),
        ("api", {"is_own_bot": True}, "bot; a bot of BOT_URLS"),
        ("auto", {"is_own_bot": True, "listed": ALL}, "bot; a bot of BOT_URLS"),
        ("api", {}, "api; UPSTREAM=api"),
        ("api", {"listed": set()}, "api; UPSTREAM=api"),
        ("auto", {}, "bot; not in Poe's list of models"),
        ("auto", {"listed": set()}, "bot; Poe does not list /v1/chat/completions for it"),
        ("auto", {"listed": {MESSAGES}}, "bot; Poe does not list /v1/chat/completions for it"),
        ("auto", {"listed": ALL}, "api; Poe lists /v1/chat/completions for it"),
        ("auto", {"listed": ALL, "obstacle": N}, "bot; n above 1"),
        ("auto", {"obstacle": N}, "bot; n above 1"),
        ("auto", {"goes_on": True}, "api; goes on from what Poe keeps"),
        ("api", {"goes_on": True}, "api; goes on from what Poe keeps"),
    ],
)
def test_each_decision(setting: str, facts: dict[str, Any], words: str) -> None:
    assert str(decide(setting, CHAT, **facts)) == words


@pytest.mark.parametrize(
    ("setting", "facts"), [("api", {}), ("api", {"goes_on": True}), ("auto", {"goes_on": True})]
)
def test_what_must_go_to_the_api_and_cannot_is_refused(setting: str, facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="n above 1") as caught:
        decide(setting, CHAT, obstacle=N, **facts)
    assert caught.value.param == "n"


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ({VIDEOS}, "api; Poe lists /v1/videos for it"),
        ({VIDEOS, CHAT}, "bot; Poe lists more than /v1/videos for it"),
        ({CHAT}, "bot; Poe does not list /v1/videos for it"),
    ],
)
def test_videos_go_there_where_the_bot_has_only_that(listed: set[str], words: str) -> None:
    assert str(decide("auto", VIDEOS, listed=listed)) == words


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


TEXT = {"type": "text", "text": "hi"}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {}}}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"messages": [user(TEXT)]}, None),
        ({"messages": [user(TEXT, PICTURE)], "tools": [FUNCTION], "n": 1}, None),
        ({"messages": [user(TEXT)], "response_format": {"type": "text"}}, None),
        ({"messages": [user(TEXT)], "logprobs": True, "seed": 1, "unknown": {"a": 1}}, None),
        ({"messages": "odd", "tools": "odd", "n": "odd"}, None),
        ({"messages": [user(TEXT)], "n": 2}, "n above 1"),
        ({"messages": [user(TEXT)], "response_format": {"type": "json_object"}}, "a response_form"),
        ({"messages": [user(TEXT)], "modalities": ["text", "audio"]}, "audio"),
        ({"messages": [user(TEXT)], "audio": {"voice": "x"}}, "audio"),
        ({"messages": [user({"type": "input_audio", "input_audio": {"data": "AAAA"}})]}, "audio"),
        ({"messages": [user({"type": "file", "file": {"file_id": "file-1"}})]}, "files by"),
        ({"messages": [user(TEXT)], "tools": [{"type": "custom", "custom": {}}]}, "custom tools"),
        ({"input": "hi"}, "shapes of another API"),
        ({"messages": [user(TEXT)], "tools": [{"type": "function", "name": "flat"}]}, "shapes of"),
    ],
)
def test_what_only_the_gateway_can_do_in_chat(body: dict[str, Any], reason: str | None) -> None:
    found = chat.obstacle_in(body)
    assert found is None if reason is None else (found and found.reason.startswith(reason))


def test_what_only_the_gateway_can_do_elsewhere() -> None:
    file = {"type": "document", "source": {"type": "file", "file_id": "file-1"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [file]}
    for content in ([file], [result]):
        found = messages.obstacle_in({"messages": [{"role": "user", "content": content}]})
        assert found == Obstacle("files by their ids", "messages")
    assert messages.obstacle_in({"messages": [user(TEXT)], "system": [TEXT]}) is None
    item = {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}
    assert responses.obstacle_in({"input": [item]}) == Obstacle("files by their ids", "input")
    assert responses.obstacle_in({"input": "text", "text": {"format": {}}}) is None


def test_what_a_request_goes_on_from() -> None:
    items = [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_2"},
        {"type": "message", "id": "msg_3", "role": "user", "content": "x"},
        "odd",
        {"id": 5},
    ]
    body = {"previous_response_id": "resp_1", "input": items}
    assert responses.references_in(body) == ["resp_1", "msg_1", "msg_2"]
    assert responses.references_in({"input": "text"}) == []
    whole = {"id": "resp_1", "output": [{"id": "msg_1"}, {"id": None}, "odd"]}
    assert responses.ids_of(whole) == ["resp_1", "msg_1"]


def test_texts_are_found_in_every_format() -> None:
    assert first_user_text({"messages": [{"role": "system"}, user(TEXT, PICTURE)]}, 9) == "hi"
    assert first_user_text({"input": "what is it"}, 4) == "what"
    assert first_user_text({"input": [{"role": "user", "content": "item"}]}, 9) == "item"
    assert first_user_text({"messages": None}, 9) == ""
    result = {"type": "tool_result", "content": [{"type": "text", "text": "12345"}]}
    body = {"system": "123", "messages": [user(TEXT, PICTURE, result), {"content": "1234"}]}
    assert text_chars(body) == 3 + 2 + 5 + 4
    assert len(parts_of(body)) == 6
    assert not any(map(names_file, parts_of(body)))
