"""A simulated Poe with its own API: Chat Completions, Responses, Messages and Videos.

It behaves as Poe's documents say: native tools, real usage, ``response_format``, ``seed`` and ``n``
ignored, audio dropped, its own error types. ``model`` says what happens (see ``SENDING``); what
an answer says is made of the request alone, so that it comes twice the same, to the byte.
``GET /native``: what was asked and how it ended. The rest is ``tests.upstream``.
Run as ``python -m tests.poe_api PORT``.
"""

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from tests import upstream
from tests.upstream import Exchange

ALL = ["/v1/responses", "/v1/chat/completions", "/v1/messages"]
ERROR_KINDS = ("rate_limit_error", "provider_error", "context_length_exceeded")
CREATED = 1_764_000_000

requests: list[dict[str, Any]] = []
closed: Counter[str] = Counter()
responses: dict[str, tuple[str, dict[str, Any]]] = {}
videos: dict[str, tuple[str, dict[str, Any]]] = {}


def listed(name: str, endpoints: list[str], **facts: Any) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_764_000_000_000,
        "owned_by": "Poe",
        "pricing": {"prompt": "0.000001", "completion": "0.00001"},
        "supported_endpoints": endpoints,
        "supported_features": ["tools"],
        "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
        **facts,
    }


MODELS = [
    listed("api-ok", ALL),
    listed("api-bytes", ALL),
    listed("api-crlf", ALL),
    listed("api-spaced", ALL),
    listed("api-late", ALL),
    listed("api-silent", ALL),
    listed("api-endless", ALL),
    listed("api-cut", ALL),
    listed("api-pause", ALL),
    listed("api-unended", ALL),
    listed("api-comment", ALL),
    *(listed(f"api-status-{status}", ALL) for status in (400, 401, 402, 403, 404, 408, 413)),
    *(listed(f"api-status-{status}", ALL) for status in (429, 500, 502, 503, 529)),
    *(listed(f"api-{when}-{kind}", ALL) for when in ("first", "then") for kind in ERROR_KINDS),
    listed("count-5", []),
    listed("demo-agent", ALL),
    listed("demo-reasoner", ALL),
    listed("only-chat", ["/v1/chat/completions"]),
    listed("api-video", ["/v1/videos"]),
    listed("count-3", [*ALL, "/v1/videos"]),
]


def words_of(body: dict[str, Any]) -> list[str]:
    """The answer: what the last turn says, in pieces as a model's tokens are."""
    turns: Any = body.get("messages", body.get("input"))
    content = turns if isinstance(turns, str) else turns[-1].get("content", "done")
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content)
    words = str(content).split(" ")
    return [word if number == 0 else f" {word}" for number, word in enumerate(words)]


def digest(body: dict[str, Any]) -> str:
    said = {**body, "model": None}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:24]


def tool_of(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The call that is made where tools are offered and no result is there yet."""
    tools = body.get("tools") or []
    turns = body.get("messages", body.get("input"))
    last: Any = turns[-1] if isinstance(turns, list) else {}
    results = last.get("role") == "tool" or "tool_result" in json.dumps(last)
    if not tools or results or last.get("type") == "function_call_output":
        return None
    name = tools[0].get("name") or tools[0]["function"]["name"]
    return name, {"model": body["model"], "path": 'a "quoted" one'}


def chat_frames(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    asked = (body.get("stream_options") or {}).get("include_usage")
    head = {
        "id": f"chatcmpl-{digest(body)}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": f"poe/{body['model']}",
    }
    if asked:
        head["usage"] = None

    def chunk(delta: dict[str, Any], reason: str | None = None) -> tuple[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return "", {**head, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if call := tool_of(body):
        function = {"name": call[0], "arguments": ""}
        yield chunk(
            {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
        )
        for piece in json.dumps(call[1]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        yield chunk({}, "tool_calls")
    else:
        for word in words_of(body):
            yield chunk({"content": word})
        yield chunk({}, "stop")
    if asked:
        yield "", {**head, "choices": [], "usage": chat_usage(body)}
    yield "", "[DONE]"


def chat_usage(body: dict[str, Any]) -> dict[str, Any]:
    count = len(words_of(body))
    return {
        "prompt_tokens": 1000 + count,
        "completion_tokens": count,
        "total_tokens": 1000 + 2 * count,
        "prompt_tokens_details": {"cached_tokens": 900},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def chat_whole(body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words_of(body))}
    reason = "stop"
    if call := tool_of(body):
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        called = [{"id": "call_1", "type": "function", "function": function}]
        message, reason = {"role": "assistant", "content": None, "tool_calls": called}, "tool_calls"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {
        "id": f"chatcmpl-{digest(body)}",
        "object": "chat.completion",
        "created": CREATED,
        "model": f"poe/{body['model']}",
        "choices": [choice],
        "usage": chat_usage(body),
        "x_poe": {"trace": 0.10000000001},
    }


def response_object(body: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{digest(body)}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": f"poe/{body['model']}",
        "output": [],
        "tools": body.get("tools", []),
        "metadata": body.get("metadata", {}),
        "previous_response_id": body.get("previous_response_id"),
        "store": body.get("store", True),
        "error": None,
        "usage": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
    }


def response_item(body: dict[str, Any]) -> dict[str, Any]:
    if call := tool_of(body):
        arguments = json.dumps(call[1])
        return {
            "id": f"fc_{digest(body)}",
            "type": "function_call",
            "call_id": "call_1",
            "name": call[0],
            "arguments": arguments,
            "status": "completed",
        }
    part = {"type": "output_text", "text": "".join(words_of(body)), "annotations": []}
    return {
        "id": f"msg_{digest(body)}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def response_whole(body: dict[str, Any]) -> dict[str, Any]:
    count = len(words_of(body))
    usage = {
        "input_tokens": 2000 + count,
        "input_tokens_details": {"cached_tokens": 1900},
        "output_tokens": count,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 2000 + 2 * count,
    }
    return {**response_object(body, "completed"), "output": [response_item(body)], "usage": usage}


def response_frames(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    number = 0

    def event(kind: str, **data: Any) -> tuple[str, Any]:
        nonlocal number
        number += 1
        return kind, {"type": kind, "sequence_number": number - 1, **data}

    begun = response_object(body, "in_progress")
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    item = response_item(body)
    place = {"output_index": 0, "item_id": item["id"]}
    if item["type"] == "message":
        opened = {**item, "status": "in_progress", "content": []}
        yield event("response.output_item.added", output_index=0, item=opened)
        empty = {**item["content"][0], "text": ""}
        yield event("response.content_part.added", content_index=0, part=empty, **place)
        for word in words_of(body):
            yield event(
                "response.output_text.delta", content_index=0, delta=word, logprobs=[], **place
            )
        text = item["content"][0]["text"]
        yield event("response.output_text.done", content_index=0, text=text, logprobs=[], **place)
        yield event("response.content_part.done", content_index=0, part=item["content"][0], **place)
    else:
        opened = {**item, "status": "in_progress", "arguments": ""}
        yield event("response.output_item.added", output_index=0, item=opened)
        for piece in item["arguments"]:
            yield event("response.function_call_arguments.delta", delta=piece, **place)
        done = {"arguments": item["arguments"], "name": item["name"]}
        yield event("response.function_call_arguments.done", **done, **place)
    yield event("response.output_item.done", output_index=0, item=item)
    yield event("response.completed", response=response_whole(body))


def message_head(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{digest(body)}",
        "type": "message",
        "role": "assistant",
        "model": f"poe/{body['model']}",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 11,
            "cache_creation_input_tokens": 100,
            "cache_read_input_tokens": 3000,
            "output_tokens": 1,
        },
    }


def message_frames(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    def event(kind: str, **data: Any) -> tuple[str, Any]:
        return kind, {"type": kind, **data}

    yield event("message_start", message=message_head(body))
    yield event("ping")
    if call := tool_of(body):
        block = {"type": "tool_use", "id": "toolu_1", "name": call[0], "input": {}}
        yield event("content_block_start", index=0, content_block=block)
        for piece in json.dumps(call[1]):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield event("content_block_delta", index=0, delta=delta)
        reason = "tool_use"
    else:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in words_of(body):
            delta = {"type": "text_delta", "text": word}
            yield event("content_block_delta", index=0, delta=delta)
        reason = "end_turn"
    yield event("content_block_stop", index=0)
    usage = {"output_tokens": len(words_of(body))}
    yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)
    yield event("message_stop")


def message_whole(body: dict[str, Any]) -> dict[str, Any]:
    content: Any = [{"type": "text", "text": "".join(words_of(body))}]
    reason = "end_turn"
    if call := tool_of(body):
        content = [{"type": "tool_use", "id": "toolu_1", "name": call[0], "input": call[1]}]
        reason = "tool_use"
    head = message_head(body)
    usage = {**head["usage"], "output_tokens": len(words_of(body))}
    return {**head, "content": content, "stop_reason": reason, "usage": usage}


FORMATS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "/v1/chat/completions": (chat_frames, chat_whole),
    "/v1/responses": (response_frames, response_whole),
    "/v1/messages": (message_frames, message_whole),
}


def frame(name: str, data: Any, model: str) -> bytes:
    separators = (", ", ": ") if model == "api-spaced" else (",", ":")
    text = data if isinstance(data, str) else json.dumps(data, separators=separators)
    end = "\r\n" if model == "api-crlf" else "\n"
    head = f"event: {name}{end}" if name else ""
    return f"{head}data: {text}{end}{end}".encode()


def error_object(path: str, kind: str) -> Any:
    message = f"Poe says {kind}"
    if path == "/v1/messages":
        return {"type": "error", "error": {"type": kind, "message": message}}
    return {"error": {"code": None, "type": kind, "message": message, "param": None}}


STATUS_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_credits",
    403: "moderation_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "provider_error",
    502: "upstream_error",
    503: "overloaded_error",
    529: "overloaded_error",
}
LIMITS = {
    "x_ratelimit_limit_requests": "500",
    "x_ratelimit_remaining_requests": "499",
    "x_ratelimit_reset_requests": "12",
    "x_request_id": "poe-req-1",
}


async def fail(exchange: Exchange, status: int) -> None:
    extra = {"retry_after": "7"} if status in (429, 503) else {}
    await exchange.answer(status, error_object(exchange.path, STATUS_TYPES[status]), **extra)


async def send_frames(exchange: Exchange, body: dict[str, Any]) -> None:
    """The frames of the answer, and what the model's name makes of them."""
    model = body["model"]
    frames = [frame(name, data, model) for name, data in FORMATS[exchange.path][0](body)]
    await exchange.start(200, **LIMITS)
    if model.startswith("api-first-"):
        frames = [error_frame(exchange.path, model.removeprefix("api-first-"))]
    elif model.startswith("api-then-"):
        frames = [*frames[:5], error_frame(exchange.path, model.removeprefix("api-then-"))]
    await SENDING.get(model, send_all)(exchange, frames)


async def send_all(exchange: Exchange, frames: list[bytes]) -> None:
    for one in frames:
        await exchange.write(one)
        await asyncio.sleep(0)
    await exchange.write(b"", more=False)


async def send_bytes(exchange: Exchange, frames: list[bytes]) -> None:
    await send_all(exchange, [bytes([byte]) for byte in b"".join(frames)])


async def send_comment(exchange: Exchange, frames: list[bytes]) -> None:
    await exchange.write(b": working\n\n")
    await asyncio.sleep(0.1)
    await send_all(exchange, frames)


async def send_late(exchange: Exchange, frames: list[bytes]) -> None:
    await asyncio.sleep(3)
    await send_all(exchange, frames)


async def pause(exchange: Exchange, frames: list[bytes]) -> None:
    for one in frames[:5]:
        await exchange.write(one)
    await send_late(exchange, frames[5:])


async def stop_early(exchange: Exchange, frames: list[bytes]) -> None:
    await send_all(exchange, frames[:5])


async def send_silence(exchange: Exchange, frames: list[bytes]) -> None:
    for one in frames[:5]:
        await exchange.write(one)
    await stay_silent(exchange, "api-silent")


async def repeat(exchange: Exchange, frames: list[bytes]) -> None:
    for one in frames[:4]:
        await exchange.write(one)
    leaving = asyncio.create_task(exchange.gone())
    while not leaving.done():
        await exchange.write(frames[4])
        await asyncio.wait([leaving], timeout=0.02)
    closed["api-endless"] += 1


async def cut(exchange: Exchange, frames: list[bytes]) -> None:
    for one in frames[:5]:
        await exchange.write(one)
    await exchange.write(frames[5][:9])
    await asyncio.sleep(0.05)
    raise ConnectionAbortedError("cut on purpose")


SENDING = {
    "api-bytes": send_bytes,
    "api-comment": send_comment,
    "api-late": send_late,
    "api-pause": pause,
    "api-unended": stop_early,
    "api-silent": send_silence,
    "api-endless": repeat,
    "api-cut": cut,
}


async def stay_silent(exchange: Exchange, model: str) -> None:
    leaving = asyncio.create_task(exchange.gone())
    while not leaving.done():
        await exchange.write(b": still here\n\n")
        await asyncio.wait([leaving], timeout=0.1)
    closed[model] += 1


def error_frame(path: str, kind: str) -> bytes:
    if path == "/v1/responses":
        event = {"type": "error", "code": kind, "message": f"Poe says {kind}", "param": None}
        return frame("error", event, "")
    return frame("error" if path == "/v1/messages" else "", error_object(path, kind), "")


async def serve_native(exchange: Exchange) -> None:
    body = json.loads(await exchange.body())
    model, key = body["model"], exchange.headers.get("authorization", "").removeprefix("Bearer ")
    note(exchange, key, body)
    if await meet_fault(exchange, key, model):
        return
    if model.startswith("api-status-"):
        await fail(exchange, int(model.removeprefix("api-status-")))
        return
    previous = body.get("previous_response_id")
    if previous and responses.get(previous, ("",))[0] != key:
        await fail(exchange, 404)
        return
    if exchange.path == "/v1/responses" and body.get("store") is not False:
        whole = response_whole(body)
        responses[whole["id"]] = key, whole
    if body.get("stream"):
        await send_frames(exchange, body)
    elif model == "api-late":
        await asyncio.sleep(3)
        await exchange.answer(200, FORMATS[exchange.path][1](body), **LIMITS)
    else:
        await exchange.answer(200, FORMATS[exchange.path][1](body), **LIMITS)


def note(exchange: Exchange, key: str, body: Any) -> None:
    requests.append({"path": exchange.path, "key": key, "body": body, "headers": exchange.headers})


async def meet_fault(exchange: Exchange, key: str, model: str) -> bool:
    fault, _, argument = upstream.faults.get(key, "").partition(":")
    upstream.asked.append((time.time(), key, model, fault))
    statuses = {"revoked": 401, "limited": 429, "no_points": 402, "unavailable": 503}
    if fault not in statuses:
        return False
    extra = {"retry_after": argument} if argument else {}
    status = statuses[fault]
    await exchange.answer(status, error_object(exchange.path, STATUS_TYPES[status]), **extra)
    return True


async def serve_kept(exchange: Exchange, method: str) -> None:
    """GET and DELETE of a response, for the key that asked for it."""
    name = exchange.path.split("/")[3]
    key = exchange.headers.get("authorization", "").removeprefix("Bearer ")
    note(exchange, key, None)
    owner, whole = responses.get(name, ("", {}))
    if owner != key:
        await fail(exchange, 404)
    elif method == "DELETE":
        del responses[name]
        await exchange.answer(200, {"id": name, "object": "response", "deleted": True})
    elif exchange.path.endswith("/input_items"):
        await exchange.answer(200, {"object": "list", "data": [], "has_more": False})
    else:
        await exchange.answer(200, whole)


async def serve_videos(exchange: Exchange, method: str) -> None:
    """Poe's Videos: made at once. ``remix`` and ``extensions`` name the one that they change."""
    key = exchange.headers.get("authorization", "").removeprefix("Bearer ")
    _, *rest = exchange.path.removeprefix("/v1/videos").split("/")
    if method == "POST":
        body = json.loads(await exchange.body())
        note(exchange, key, body)
        if await meet_fault(exchange, key, str(body.get("model"))):
            return
        source = rest[0] if rest and rest[-1] == "remix" else None
        if rest and rest[-1] == "extensions":
            source = body["video"]["id"]
        if source is not None and videos.get(source, ("",))[0] != key:
            await fail(exchange, 404)
            return
        model = body.get("model") or videos[str(source)][1]["model"]
        name = f"video_{len(videos) + 1:024}"
        video = {
            "id": name,
            "object": "video",
            "status": "queued",
            "progress": 0,
            "model": f"poe/{model}",
            "prompt": body["prompt"],
            "seconds": "4",
            "size": "720x1280",
            "created_at": CREATED,
            "completed_at": None,
            "expires_at": int(time.time()) + 3600,
            "error": None,
            "remixed_from_video_id": source,
        }
        videos[name] = key, video
        await exchange.answer(200, video)
        return
    note(exchange, key, None)
    owner, video = videos.get(rest[0], ("", {}))
    if owner != key:
        await fail(exchange, 404)
    elif method == "DELETE":
        del videos[rest[0]]
        await exchange.answer(200, {"id": rest[0], "object": "video.deleted", "deleted": True})
    elif rest[-1] == "content":
        await exchange.start(200, "video/mp4", content_length="9")
        await exchange.write(b"film-data", more=False)
    else:
        done = {"status": "completed", "progress": 100, "completed_at": CREATED + 60}
        await exchange.answer(200, {**video, **done})


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    exchange = Exchange(scope, receive, send)
    method = scope["method"]
    if exchange.path == "/v1/models":
        await exchange.answer(200, {"object": "list", "data": MODELS})
    elif exchange.path == "/native":
        await exchange.answer(200, {"requests": requests, "closed": closed})
    elif method == "POST" and exchange.path in FORMATS:
        await serve_native(exchange)
    elif exchange.path.startswith("/v1/responses/"):
        await serve_kept(exchange, method)
    elif exchange.path.startswith("/v1/videos"):
        await serve_videos(exchange, method)
    else:
        await upstream.application(scope, receive, send)


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical", lifespan="off")
