"""The decoder, on literal bytes named after the specification's examples, split everywhere."""

import json
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.poe.event_source import EventDecoder, ServerEvent, _normal_chunk, merge_texts

STREAMS = {
    "one event a token": (
        b'event: text\ndata: {"text": "a"}\n\nevent: done\ndata: {}\n\n',
        [("text", '{"text": "a"}'), ("done", "{}")],
    ),
    "CR LF, CR and LF": (
        b"event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\revent: c\ndata: 3\n\n",
        [("a", "1"), ("b", "2"), ("c", "3")],
    ),
    "several data lines": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10")]),
    "comments, ids and unknown fields": (
        b": test stream\n\nid: 1\n\nretry: 5\ndata: first\nfoo: bar\n\n",
        [("message", "first")],
    ),
    "no space, two spaces, no colon": (
        b"data:test\n\ndata:  test\n\ndata\n\n",
        [("message", "test"), ("message", " test"), ("message", "")],
    ),
    "a name without data": (b"event: ping\n\n", [("ping", "")]),
    "many blank lines": (
        b"\n\n\ndata: x\n\n\n\n\ndata: y\n\n",
        [("message", "x"), ("message", "y")],
    ),
    "byte order mark and wide characters": (
        "\ufeffdata: \u2603\U0001f600\n\n".encode(),
        [("message", "\u2603\U0001f600")],
    ),
    "a line separator is no newline": (
        "data: a\u2028b\x85c\n\n".encode(),
        [("message", "a\u2028b\x85c")],
    ),
    "an event that is never finished": (b"data: x\n\ndata: y\n", [("message", "x")]),
}


def decode(*pieces: bytes) -> list[tuple[str, str]]:
    decoder = EventDecoder()
    return [(event.event, event.data) for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize("name", STREAMS)
def test_split_at_every_byte(name: str) -> None:
    stream, events = STREAMS[name]
    assert decode(stream) == events
    assert decode(*(bytes([byte]) for byte in stream)) == events
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            assert decode(stream[:first], stream[first:second], stream[second:]) == events


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_no_bytes_make_it_fail_and_pieces_do_not_matter(pieces: list[bytes]) -> None:
    assert decode(*pieces) == decode(b"".join(pieces))


def test_an_event_without_end_is_given_up() -> None:
    decoder = EventDecoder()
    started = time.monotonic()
    with pytest.raises(httpx.ReadError):
        for _ in range(10_000):
            decoder.feed(b"x" * 4_000)
    assert time.monotonic() - started < 5


def test_nulls_of_openai_like_servers_are_left_out() -> None:
    opening = {"choices": [{"delta": {"role": "assistant", "content": None}}]}
    event = _normal_chunk(ServerEvent("json", json.dumps(opening)))
    assert json.loads(event.data) == {"choices": [{"delta": {"role": "assistant"}}]}
    for data in ("{", "[]", '{"choices": [1]}', "{}"):
        assert _normal_chunk(ServerEvent("json", data)).data == data


def text(piece: object) -> ServerEvent:
    return ServerEvent("text", json.dumps({"text": piece}))


def test_neighbouring_texts_become_one() -> None:
    other = ServerEvent("replace_response", '{"text": "x"}')
    merged = list(merge_texts([text("a"), text('"b'), other, text("\ud83d"), text("\ude00")]))
    assert [(event.event, json.loads(event.data)["text"]) for event in merged] == [
        ("text", 'a"b'),
        ("replace_response", "x"),
        ("text", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")),
    ]


@pytest.mark.parametrize(
    "data", ["{broken", "[]", '{"text": 5}', '{"text": "a", "index": 1}', '{"other": "a"}', ""]
)
def test_what_is_not_plain_text_is_left_to_the_library(data: str) -> None:
    odd = ServerEvent("text", data)
    assert list(merge_texts([text("a"), odd, text("b")])) == [text("a"), odd, text("b")]


@given(st.lists(st.text()))
def test_merging_loses_nothing(pieces: list[str]) -> None:
    merged = "".join(json.loads(event.data)["text"] for event in merge_texts(map(text, pieces)))
    assert merged == "".join(pieces)


@pytest.mark.parametrize(
    "call, normal",
    [
        ({"function": {"arguments": {"a": 1}}}, {"function": {"arguments": '{"a": 1}'}}),
        ({"id": None, "function": {"name": "f"}}, {"function": {"name": "f", "arguments": ""}}),
        ({"index": 1, "type": None, "function": None}, {"index": 1, "function": {"arguments": ""}}),
    ],
)
def test_calls_of_openai_like_servers_are_made_readable(
    call: dict[str, object], normal: dict[str, object]
) -> None:
    chunk = {"choices": [{"delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    event = _normal_chunk(ServerEvent("json", json.dumps(chunk)))
    assert json.loads(event.data) == {
        "choices": [{"delta": {"tool_calls": [normal]}, "finish_reason": None}]
    }
