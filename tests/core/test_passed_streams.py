"""Streams that are passed on: cut at every offset they stay what they are, but for the name."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.core.events import Usage
from app.core.passed_streams import Renaming, StreamReader, WholeFrames, WholeReader
from app.dialects.chat import native as chat
from app.dialects.messages import native as messages
from app.dialects.responses import native as responses
from app.errors import ApiError, UpstreamError
from tests import poe_api


def frames_in(stream: bytes) -> Iterator[bytes]:
    """The frames, each with the empty line that ends it."""
    return (found.group() for found in re.finditer(rb".+?(?:\r\n\r\n|\n\n|\Z)", stream, re.DOTALL))


TOOL = {"type": "function", "name": "look", "function": {"name": "look"}, "default": {"model": "x"}}


def to_error(error: Any) -> ApiError:
    return UpstreamError(f"told: {error.get('message')}")


def new_reader(path: str, kept: list[Any] | None = None) -> StreamReader:
    keep = (lambda response: None) if kept is None else kept.append
    readers: dict[str, Callable[[], StreamReader]] = {
        "/v1/chat/completions": lambda: chat.ChatReader("mine", to_error),
        "/v1/messages": lambda: messages.MessagesReader("mine", to_error, "req_1"),
        "/v1/responses": lambda: responses.ResponsesReader("mine", to_error, keep),
    }
    return readers[path]()


def body_of(path: str, model: str, tools: bool = False) -> dict[str, Any]:
    text = 'say "model":"poe/api-ok" and {"usage":{ twice [DONE]'
    turns = [{"role": "user", "content": text}]
    body: dict[str, Any] = {"model": model, "stream_options": {"include_usage": True}}
    body["input" if path == "/v1/responses" else "messages"] = turns
    return {**body, "tools": [TOOL]} if tools else body


def stream_of(path: str, model: str, tools: bool = False) -> bytes:
    frames = poe_api.FORMATS[path][0](body_of(path, model, tools))
    return b"".join(poe_api.frame(name, data, model) for name, data in frames)


def renamed(stream: bytes, model: str) -> bytes:
    """By reading all of it: what the answer's own ``model`` fields say, and nothing else."""
    return b"".join(map(lambda one: _renamed(one, model), frames_in(stream)))


def _renamed(frame: bytes, model: str) -> bytes:
    old = json.dumps(f"poe/{model}").encode()
    for key in (b'"model":', b'"model": '):
        frame = frame.replace(key + old, key + b'"mine"')
    return frame


PATHS = pytest.mark.parametrize("path", list(poe_api.FORMATS))


@PATHS
@pytest.mark.parametrize("model", ["api-ok", "api-crlf", "api-spaced"])
@pytest.mark.parametrize("tools", [False, True])
def test_it_is_the_same_wherever_it_is_cut(path: str, model: str, tools: bool) -> None:
    stream = stream_of(path, model, tools)
    for size in (1, 2, 3, 7, 64, 1_000, len(stream)):
        reader = new_reader(path)
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        passed = b"".join(map(reader.feed, pieces)) + reader.finish()
        assert passed == renamed(stream, model)
        assert reader.is_whole and reader.error is None
        assert reader.usage is not None and reader.usage.prompt > 0


@PATHS
def test_it_is_the_same_cut_in_two_at_every_offset(path: str) -> None:
    stream = stream_of(path, "api-crlf")
    for at in range(0, len(stream), 1 if len(stream) < 6_000 else 3):
        reader = new_reader(path)
        passed = reader.feed(stream[:at]) + reader.feed(stream[at:]) + reader.finish()
        assert passed == renamed(stream, "api-crlf")


def test_usage_is_poes_own() -> None:
    def usage(path: str) -> Usage | None:
        reader = new_reader(path)
        reader.feed(stream_of(path, "api-ok"))
        return reader.usage

    words = len(poe_api.words_of(body_of("/v1/messages", "api-ok")))
    assert usage("/v1/chat/completions") == Usage(1000 + words, words, 1, cached=900)
    assert usage("/v1/responses") == Usage(2000 + words, words, 2, cached=1900)
    assert usage("/v1/messages") == Usage(3111, words, cached=3000, written=100)


def test_texts_are_measured_for_an_estimate() -> None:
    for path in poe_api.FORMATS:
        reader = new_reader(path)
        reader.feed(stream_of(path, "api-ok"))
        text = "".join(poe_api.words_of(body_of(path, "api-ok")))
        assert len(text) <= reader.chars <= 4 * len(text)


@PATHS
@pytest.mark.parametrize("kind", ["rate_limit_error", "provider_error"])
def test_an_error_ends_it_and_what_came_before_is_passed_on(path: str, kind: str) -> None:
    good = b"".join(list(frames_in(stream_of(path, "api-ok")))[:4])
    for pieces in (
        [good + poe_api.error_frame(path, kind)],
        [good, poe_api.error_frame(path, kind)],
    ):
        reader = new_reader(path)
        passed = b"".join(map(reader.feed, pieces))
        assert passed == renamed(good, "api-ok")
        assert reader.error is not None and reader.error.message == f"told: Poe says {kind}"


@PATHS
def test_an_answer_without_its_end_is_no_answer(path: str) -> None:
    frames = list(frames_in(stream_of(path, "api-ok")))
    reader = new_reader(path)
    b"".join(map(reader.feed, frames[:-1]))
    with pytest.raises(UpstreamError, match="in the middle"):
        reader.finish()


@PATHS
def test_a_last_frame_without_its_empty_line_counts(path: str) -> None:
    stream = stream_of(path, "api-ok")
    reader = new_reader(path)
    passed = reader.feed(stream.removesuffix(b"\n")) + reader.finish()
    assert passed == renamed(stream, "api-ok").removesuffix(b"\n")
    assert reader.is_whole


def test_a_failed_response_is_an_error() -> None:
    begun = poe_api.response_object({"model": "m", "input": "x"}, "failed")
    begun["error"] = {"code": "rate_limit_exceeded", "message": "slow down"}
    data = {"type": "response.failed", "response": begun, "sequence_number": 3}
    reader = new_reader("/v1/responses")
    assert reader.feed(poe_api.frame("response.failed", data, "")) == b""
    assert reader.error is not None and reader.error.message == "told: slow down"


def test_a_response_is_kept_before_its_last_frame_is_passed_on() -> None:
    kept: list[Any] = []
    reader = new_reader("/v1/responses", kept)
    frames = list(frames_in(stream_of("/v1/responses", "api-ok")))
    b"".join(map(reader.feed, frames[:-1]))
    assert not kept
    reader.feed(frames[-1])
    assert [response["status"] for response in kept] == ["completed"]


def test_other_models_in_a_response_stay() -> None:
    body = {"model": "m", "input": "x", "metadata": {"model": "poe/m"}, "tools": [TOOL]}
    data = {"type": "response.created", "response": poe_api.response_object(body, "in_progress")}
    reader = new_reader("/v1/responses")
    passed = reader.feed(poe_api.frame("response.created", data, ""))
    [line] = [line for line in passed.splitlines() if line.startswith(b"data: ")]
    response = json.loads(line[6:])["response"]
    assert response["model"] == "mine"
    assert response["metadata"] == {"model": "poe/m"} and response["tools"] == [TOOL]


def test_signs_of_life_fit_in_between() -> None:
    chat_reader = new_reader("/v1/chat/completions")
    assert chat_reader.keepalive == b": keep-alive\n"
    chat_reader.feed(next(frames_in(stream_of("/v1/chat/completions", "api-ok"))))
    chunk = json.loads(chat_reader.keepalive[6:])
    assert (chunk["model"], chunk["choices"][0]["delta"]) == ("mine", {})
    assert chunk["object"] == "chat.completion.chunk"
    reader = new_reader("/v1/responses")
    frames = frames_in(stream_of("/v1/responses", "api-ok"))
    reader.feed(next(frames))
    reader.feed(next(frames))
    event = json.loads(reader.keepalive.split(b"data: ")[1])
    assert event["type"] == "response.in_progress" and event["response"]["model"] == "mine"
    assert event["sequence_number"] == 1
    failed = json.loads(reader.fail(UpstreamError("gone")).split(b"data: ")[1])
    assert failed["sequence_number"] == 2 and failed["response"]["status"] == "failed"


def test_comments_begin_no_answer() -> None:
    reader = new_reader("/v1/chat/completions")
    assert reader.feed(b": working\n\n") == b""
    assert reader.feed(b'data: {"model":"a","choices":[]}\n\n').startswith(b": working\n\ndata: {")


def test_a_name_that_changes_is_followed() -> None:
    rename = Renaming('mine"\u2603')
    name = json.dumps('mine"\u2603').encode()
    assert rename(b'{"model":""}{"model": "a"}') == b'{"model":%b}{"model": %b}' % (name, name)
    assert rename(b'{"model": "a","x":"\\"model\\": \\"a\\""}').startswith(b'{"model": %b' % name)
    assert rename(b'{"model":"b"}') == b'{"model":%b}' % name


def whole(body: bytes) -> WholeReader:
    reader = WholeReader("mine", to_error, chat.usage_in)
    for byte in body:
        assert reader.feed(bytes([byte])) == b""
    return reader


def test_an_answer_in_one_piece() -> None:
    body = poe_api.chat_whole(body_of("/v1/chat/completions", "api-ok", tools=True))
    reader = whole(json.dumps(body).encode())
    assert json.loads(reader.finish()) == {**body, "model": "mine"}
    assert reader.usage == chat.usage_in(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"error":{"message":"no"}}'])
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ApiError):
        whole(body).finish()


def test_frames_are_cut_where_a_break_comes_in_two_pieces() -> None:
    frames = WholeFrames()
    for piece, given in ((b"data: 1\r\n", b""), (b"\r", b""), (b"\nda", b"data: 1\r\n\r\n")):
        assert frames.feed(piece) == given
    assert frames.rest == b"da"


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def test_a_long_frame_in_many_pieces_takes_linear_time() -> None:
    def seconds(length: int) -> float:
        frames, began = WholeFrames(), time.process_time()
        for piece in pieces_of(b"data: " + b"x" * length + b"\n\n", 1_000):
            frames.feed(piece)
        return time.process_time() - began

    seconds(1_000_000)
    assert seconds(8_000_000) < 40 * max(seconds(1_000_000), 0.001)
