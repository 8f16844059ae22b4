"""Reads Anthropic's content blocks, loaded as ``(type, block)`` pairs, into turns and parts."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from xml.sax.saxutils import quoteattr

from app.core.conversation import (
    Media,
    Message,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from app.core.media import is_encoded, media_from_base64, media_from_url, named_file
from app.core.media_types import USUAL
from app.errors import InvalidRequest

Block = tuple[str, dict[str, Any]]

_BILLING = "x-anthropic-billing-header:"
_SILENT = ("redacted_thinking", "tool_addition", "tool_removal")
_OPAQUE = ("type", "cache_control", "citations", "signature")


def read_system(blocks: Iterable[Block] | None) -> Iterator[Message]:
    """The system prompt as a turn."""
    if parts := tuple(_parts(map(_unbilled, blocks or ()), "system")):
        yield Message("system", parts)


def _unbilled(block: Block) -> Block:
    """The block without Claude Code's billing line, which is mostly a block of its own."""
    kind, held = block
    if not str(held.get("text", "")).startswith(_BILLING):
        return block
    return kind, {**held, "text": held["text"].partition("\n")[2].lstrip("\n")}


def read_turns(message: dict[str, Any], param: str) -> Iterator[Message]:
    """A message as turns, in the order of its blocks; tool results become turns of their own."""
    parts = list(_parts(message["content"] or (), f"{param}.content"))
    role: Role = message["role"]
    if not parts and role != "system":
        yield Message(role, ())
    for answered, run in groupby(parts, lambda part: isinstance(part, ToolResult)):
        yield Message("tool" if answered else role, tuple(run))


def _parts(blocks: Iterable[Block], param: str) -> Iterator[Part]:
    for index, (kind, block) in enumerate(blocks):
        yield from _read_block(kind, block, f"{param}[{index}]")


def _read_block(kind: str, block: dict[str, Any], param: str) -> Iterator[Part]:
    match kind:
        case "tool_use":
            arguments = _json(block["input"], f"{param}.input")
            yield ToolCall(block["id"], block["name"], arguments)
        case "tool_result":
            yield _tool_result(block, f"{param}.content")
        case "thinking":
            yield Reasoning(block["thinking"] or "")
        case _ if kind not in _SILENT:
            yield from _plain_block(kind, block, param)


def _tool_result(block: dict[str, Any], param: str) -> ToolResult:
    parts: list[Text | Media] = []
    for index, (kind, inner) in enumerate(block["content"] or ()):
        parts += _plain_block(kind, inner, f"{param}[{index}]")
    return ToolResult(block["tool_use_id"], tuple(parts), is_error=bool(block["is_error"]))


def _plain_block(kind: str, block: dict[str, Any], param: str) -> Iterator[Text | Media]:
    """A block written by people or tools. Empty texts, which Anthropic refuses, are skipped."""
    match kind:
        case "text" | "compaction":
            text = block["text" if kind == "text" else "content"]
            if text:
                yield Text(text)
        case "image":
            yield _file(block["source"], "image", "image", f"{param}.source")
        case "document":
            yield from _document(block, f"{param}.source")
        case "search_result":
            yield Text(_search_result(block))
        case "tool_reference":
            yield Text(f"The tool {block['tool_name']} can be called from now on.")
        case "audio" if isinstance(block.get("data"), str):
            yield _mcp_file(block, "data", "audio", param)
        case "resource" if isinstance(block.get("resource"), dict):
            yield _mcp_resource(block["resource"], f"{param}.resource")
        case _:
            yield Text(f"[{kind}: {_as_text(block)}]")


def _document(block: dict[str, Any], param: str) -> Iterator[Text | Media]:
    """A file; or, for a document sent as text, that text between ``<document>`` tags."""
    kind, source = block["source"]
    if kind not in ("text", "content"):
        if block["context"]:
            yield Text(block["context"])
        yield _file(block["source"], "document", block["title"] or "document", param)
        return
    attributes = {name: block[name] for name in ("title", "context") if block[name]}
    marks = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    yield Text(f"<document{marks}>")
    inner = source["content"] if kind == "content" else [("text", {"text": source["data"]})]
    for index, (inner_kind, inner_block) in enumerate(inner):
        yield from _plain_block(inner_kind, inner_block, f"{param}.content[{index}]")
    yield Text("</document>")


def _mcp_resource(resource: dict[str, Any], param: str) -> Text | Media:
    """An embedded resource of a Model Context Protocol server: its text, or its file."""
    name = str(resource.get("uri") or "resource").rpartition("/")[2] or "resource"
    if isinstance(resource.get("blob"), str):
        return _mcp_file(resource, "blob", name, param)
    if isinstance(resource.get("text"), str):
        return Text(f"<resource name={quoteattr(name)}>\n{resource['text']}\n</resource>")
    return Text(f"[resource: {_as_text(resource)}]")


def _mcp_file(block: dict[str, Any], field: str, name: str, param: str) -> Media:
    """A file in base64 as Model Context Protocol servers write it, under ``data`` or ``blob``."""
    content_type = block.get("mimeType")
    kind = content_type if isinstance(content_type, str) else None
    return media_from_base64(block[field], kind, name, f"{param}.{field}")


def _search_result(block: dict[str, Any]) -> str:
    """A search result for the model to cite: its texts with title and source."""
    texts = (inner.get("text", "") for _, inner in block["content"])
    head = f"<search_result title={quoteattr(block['title'])} source={quoteattr(block['source'])}>"
    return "\n".join((head, *texts, "</search_result>"))


def _file(source: Block, kind: str, name: str, param: str) -> Media:
    form, held = source
    if form == "file":
        return named_file(held["file_id"], f"{param}.file_id")
    if form == "url":
        return media_from_url(held["url"], kind, f"{param}.url")
    return media_from_base64(held["data"], held["media_type"] or USUAL[kind], name, f"{param}.data")


def _as_text(block: dict[str, Any]) -> str:
    """A server tool's block as JSON text: Poe's bots do not know such blocks, and some contain
    results."""
    try:
        return json.dumps(_readable(block), ensure_ascii=False)
    except RecursionError:
        return "…"


def _readable(value: Any) -> Any:
    """The value without the parts that only Anthropic can read and without bytes of files."""
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, str) and is_encoded(value):
        return "(a file)"
    if not isinstance(value, dict):
        return value
    if value.get("type") == "base64":
        return "(a file)"
    return {
        name: _readable(item)
        for name, item in value.items()
        if name not in _OPAQUE and not name.startswith("encrypted_")
    }


def _json(value: dict[str, Any], param: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise InvalidRequest(f"{param}: Nested too deeply.", param=param) from error
