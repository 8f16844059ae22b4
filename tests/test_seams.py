"""The private places in which the gateway touches libraries: a new version that moves one fails.

Read from the libraries' sources, for most of these places are not reached by a call of ours.
"""

import ast
import inspect
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

import fastapi_poe as fp
import fastapi_poe.client
import gunicorn.workers.base_async
import gunicorn.workers.ggevent
import httpx
import pytest
from geventhttpclient.client import HTTPClient
from geventhttpclient.response import HTTPSocketPoolResponse
from tiktoken_ext import openai_public

from app.core import tokens
from app.poe import client, event_source
from app.poe.greenlet_loop import GreenletAsyncio, GreenletLoop
from app.poe.session import QuerySession
from app.worker import DrainingWorker

CLIENT = ast.parse(inspect.getsource(fastapi_poe.client))


def dotted(node: ast.expr) -> str:
    """``self.session.post`` for the attribute of that name; "" for what is no plain name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted(value)}.{attribute}"
    return ""


def attributes_of(name: str, tree: ast.AST = CLIENT) -> set[str]:
    """The attributes of ``name`` that the source uses."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in nodes if dotted(node.value) == name}


def calls_of(name: str, tree: ast.AST = CLIENT) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) == name:
            yield node


@pytest.fixture(autouse=True)
def prepared() -> None:
    client.prepare_library()


def test_tiktoken_looks_for_the_vocabulary_by_our_name_and_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {}

    def load(address: str, expected_hash: str) -> dict[bytes, int]:
        asked[sha1(address.encode()).hexdigest()] = expected_hash
        return {}

    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", load)
    openai_public.o200k_base()
    assert asked == {tokens.VOCABULARY.name: tokens.VOCABULARY_SHA256}


def test_asyncio_is_used_by_name_and_no_more_of_it_than_ours_has() -> None:
    used = attributes_of("asyncio")
    assert used == {"new_event_loop", "set_event_loop", "sleep"}
    assert all(hasattr(GreenletAsyncio, name) for name in used)
    assert isinstance(vars(fastapi_poe.client)["asyncio"], GreenletAsyncio)


def test_the_loop_does_what_is_asked_of_it() -> None:
    source = ast.parse(inspect.getsource(fp.get_bot_response_sync))
    used = attributes_of("loop", source) | attributes_of("asyncio.get_event_loop()", source)
    assert "run_until_complete" in used
    assert all(hasattr(GreenletLoop, name) for name in used), used


def test_httpx_sse_is_used_by_name_and_no_more_of_it_than_ours_has() -> None:
    assert attributes_of("httpx_sse") == {"aconnect_sse"}
    assert attributes_of("event") <= {"event", "data", "is_suggested_reply"}
    assert attributes_of("event_source") == {"aiter_sse"}
    assert vars(fastapi_poe.client)["httpx_sse"] is event_source


def test_queries_are_made_by_the_name_that_is_replaced() -> None:
    assert list(calls_of("QueryRequest")), "the library makes its requests otherwise"
    full_prompts = [
        keyword.value
        for call in ast.walk(CLIENT)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "full_prompt"
    ]
    assert {ast.unparse(value) for value in full_prompts} == {"repr(request)"}
    request_class: Any = vars(fastapi_poe.client)["QueryRequest"]
    assert repr(request_class.model_construct()) == "<request>"


def test_errors_are_handed_to_a_default_that_can_be_changed() -> None:
    defaults = fastapi_poe.client.stream_request.__kwdefaults__ or {}
    assert defaults["on_error"] is client._stay_silent
    inner = ast.parse(inspect.getsource(fp.get_bot_response))
    assert list(calls_of("stream_request", inner)), "the default is not used any more"


def test_a_query_calls_two_methods_of_its_client() -> None:
    assert attributes_of("self.session") == {"post"}
    [call] = calls_of("httpx_sse.aconnect_sse")
    assert [ast.unparse(argument) for argument in call.args][:2] == ["self.session", "'POST'"]
    assert {keyword.arg for keyword in call.keywords} == {"headers", "json"}
    assert {"stream", "post"} <= set(dir(QuerySession))
    assert "session" in inspect.signature(fp.get_bot_response_sync).parameters


def test_an_upload_takes_a_client_and_reads_its_file_at_each_try() -> None:
    names = inspect.signature(fastapi_poe.client.upload_file).parameters
    assert {"file", "file_url", "file_name", "api_key", "session", "on_error", "base_url"} <= {
        *names
    }
    source = ast.parse(inspect.getsource(fastapi_poe.client.upload_file))
    assert attributes_of("file", source) <= {"read"}


def test_the_fields_of_geventhttpclients_responses() -> None:
    source = inspect.getsource(HTTPSocketPoolResponse)
    for base in HTTPSocketPoolResponse.__mro__[1:-1]:
        source += inspect.getsource(base) if base.__module__.startswith("geventhttp") else ""
    for field in ("_body_buffer = bytearray()", "_sock", "message_complete = False"):
        assert f"self.{field}" in source, field
    assert callable(HTTPSocketPoolResponse.feed) and callable(HTTPSocketPoolResponse.release)


def test_geventhttpclient_takes_what_we_give_it() -> None:
    names = inspect.signature(HTTPClient.__init__).parameters
    assert {
        *("ssl", "concurrency", "block_size", "connection_timeout", "network_timeout"),
        *("proxy_host", "proxy_port", "proxy_user", "proxy_password"),
    } <= {*names}


def test_httpx_marks_bodies_that_are_in_memory() -> None:
    """A body in memory is sent whole, one that is read from a file by blocks."""
    request = httpx.Request("POST", "http://h.test/", content=b"x")
    assert isinstance(request.stream, httpx.ByteStream)
    form = httpx.Request("POST", "http://h.test/", files={"file": ("a", b"x")})
    assert isinstance(form.stream, httpx.SyncByteStream)
    assert not isinstance(form.stream, httpx.ByteStream)
    assert form.headers["content-length"]


def test_gunicorn_waits_for_a_connections_next_request_in_timeout_ctx() -> None:
    source = inspect.getsource(gunicorn.workers.base_async.AsyncWorker.handle)
    assert "with self.timeout_ctx():" in source
    kind = gunicorn.workers.ggevent.GeventWorker
    for name in ("timeout_ctx", "handle_exit", "run"):
        assert callable(getattr(kind, name)), name
        assert getattr(DrainingWorker, name) is not getattr(kind, name)
