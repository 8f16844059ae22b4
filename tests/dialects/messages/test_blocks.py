"""Anthropic's content blocks, the way in."""

import base64
from typing import Any

import pytest

from app.core.conversation import Media, Message, Reasoning, Text, ToolCall, ToolResult
from app.errors import InvalidRequest
from tests.dialects.messages.test_request import messages_of, query_of

PDF = base64.b64encode(b"%PDF-1.7 a small one").decode()
PNG = base64.b64encode(b"\x89PNG and so on").decode()


def part_of(block: dict[str, Any]) -> Any:
    [part] = query_of([block]).messages[0].parts
    return part


def test_a_round_of_tools() -> None:
    calls = [
        {"type": "thinking", "thinking": "I look.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "\u2603"}},
        {"type": "tool_use", "id": "any-id", "name": "hear", "input": {}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "snow\n", "is_error": False},
        {"type": "tool_result", "tool_use_id": "any-id", "is_error": True},
        {"type": "text", "text": "Go on."},
    ]
    assert messages_of(("assistant", calls), ("user", results)) == (
        Message(
            "assistant",
            (
                Reasoning("I look."),
                Text("Looking."),
                ToolCall("toolu_1", "look", '{"at": "\u2603"}'),
                ToolCall("any-id", "hear", "{}"),
            ),
        ),
        Message(
            "tool",
            (
                ToolResult("toolu_1", (Text("snow\n"),)),
                ToolResult("any-id", (), is_error=True),
            ),
        ),
        Message("user", (Text("Go on."),)),
    )


IMAGE: Any = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
}


def test_what_a_tool_may_answer() -> None:
    content = [
        {"type": "text", "text": "a"},
        IMAGE,
        {"type": "tool_reference", "tool_name": "CronList"},
        {
            "type": "search_result",
            "source": "https://h/x",
            "title": 'A "title"',
            "content": [{"type": "text", "text": "found"}],
        },
        {"type": "browser_state", "tabs": [{"url": "https://h"}]},
    ]
    result = part_of({"type": "tool_result", "tool_use_id": "t", "content": content})
    text, image, reference, search, browser = result.parts
    assert text == Text("a") and image.data == b"\x89PNG and so on"
    assert "CronList" in reference.text
    assert 'A "title"' in search.text and "https://h/x" in search.text and "found" in search.text
    assert browser == Text('[browser_state: {"tabs": [{"url": "https://h"}]}]')


@pytest.mark.parametrize(
    ("block", "media"),
    [
        (IMAGE, ("image/png", "image", None, "data")),
        (
            {"type": "image", "source": {"type": "url", "url": "https://h/a.jpg"}},
            ("image/jpeg", "a.jpg", "https://h/a.jpg", "url"),
        ),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                "title": "My report",
                "citations": {"enabled": True},
            },
            ("application/pdf", "My report", None, "data"),
        ),
        (
            {"type": "image", "source": {"type": "base64", "data": PNG}},
            ("image/png", "image", None, "data"),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://h/report"}},
            ("application/pdf", "report", "https://h/report", "url"),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://h/b.pdf"}},
            ("application/pdf", "b.pdf", "https://h/b.pdf", "url"),
        ),
    ],
)
def test_files(block: dict[str, Any], media: tuple[str, str, str | None, str]) -> None:
    part = part_of(block)
    content_type, name, url, where = media
    assert isinstance(part, Media)
    assert (part.content_type, part.name, part.url) == (content_type, name, url)
    assert part.param == f"messages[0].content[0].source.{where}"


def test_documents_of_text_are_told_in_the_message() -> None:
    plain = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "line\n"},
        "title": "Notes & more",
        "context": "old",
    }
    blocks = [{"type": "text", "text": "one"}, IMAGE]
    mixed = {"type": "document", "source": {"type": "content", "content": blocks}}
    [message] = query_of([plain, mixed]).messages
    assert message.parts[:4] == (
        Text('<document title="Notes &amp; more" context="old">'),
        Text("line\n"),
        Text("</document>"),
        Text("<document>"),
    )
    assert isinstance(message.parts[5], Media)
    assert message.parts[5].param == "messages[0].content[1].source.content[1].source.data"
    assert message.parts[6] == Text("</document>")


SERVER_BLOCKS = [
    {
        "type": "server_tool_use",
        "id": "s1",
        "name": "web_search",
        "input": {"query": "ice"},
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "s1",
        "content": [
            {"type": "web_search_result", "url": "https://ice", "encrypted_content": "SECRET"}
        ],
    },
    {"type": "container_upload", "file_id": "file_ice"},
    {"type": "mcp_tool_use", "id": "m", "name": "ice", "server_name": "s", "input": {}},
    {
        "type": "next_years_block",
        "about": {"source": {"type": "base64", "data": "SECRET"}},
        "x": "ice",
    },
]


@pytest.mark.parametrize("block", SERVER_BLOCKS)
def test_blocks_of_server_tools_are_described(block: dict[str, Any]) -> None:
    text = part_of(block).text
    assert text.startswith(f"[{block['type']}: ") and "ice" in text and "SECRET" not in text


def test_a_summary_stands_for_what_it_sums_up() -> None:
    assert part_of({"type": "compaction", "content": "We met."}) == Text("We met.")
    assert query_of([{"type": "compaction", "encrypted_content": "x"}]).messages[0].parts == ()


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": [value]}
    return value


def test_depth_is_no_defect() -> None:
    assert part_of({"type": "new", "deep": deep(5_000)}).text == "[new: \u2026]"
    with pytest.raises(InvalidRequest, match="Nested too deeply"):
        query_of([{"type": "tool_use", "id": "a", "name": "b", "input": deep(50_000)}])


BLOCK_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "type"),
    ({"type": 5}, "type"),
    ({"type": "text"}, "text"),
    ({"type": "image"}, "source"),
    ({"type": "image", "source": {"type": "disk"}}, "source.type"),
    ({"type": "image", "source": {"type": "url", "url": "ftp://x"}}, "source.url"),
    ({"type": "image", "source": {"type": "base64", "data": "!"}}, "source.data"),
    ({"type": "image", "source": {"type": "file"}}, "source.file_id"),
    ({"type": "document", "source": {"type": "text"}}, "source.data"),
    ({"type": "tool_use", "name": "f", "input": {}}, "id"),
    ({"type": "tool_use", "id": "a", "name": "f", "input": "{}"}, "input"),
    ({"type": "tool_result", "content": "x"}, "tool_use_id"),
    (
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image"}]},
        "content[0].source",
    ),
]


@pytest.mark.parametrize(("block", "param"), BLOCK_FAULTS)
def test_a_fault_in_a_block_is_told_by_its_place(block: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        query_of([{"type": "text", "text": "fine"}, block])
    assert caught.value.param == f"messages[0].content[1].{param}"


ENCODED = "QUJD" * 60


@pytest.mark.parametrize(
    ("block", "media"),
    [
        ({"type": "audio", "data": ENCODED, "mimeType": "audio/mpeg"}, ("audio/mpeg", "audio")),
        (
            {
                "type": "resource",
                "resource": {"uri": "file:///a/b.pdf", "mimeType": "application/pdf", "blob": PDF},
            },
            ("application/pdf", "b.pdf"),
        ),
    ],
)
def test_files_of_a_tool_server_are_attached(block: Any, media: tuple[str, str]) -> None:
    result = part_of({"type": "tool_result", "tool_use_id": "t", "content": [block]})
    [file] = result.parts
    assert (file.content_type, file.name) == media and file.data


@pytest.mark.parametrize(
    "block",
    [
        {"type": "hologram", "payload": ENCODED},
        {"type": "hologram", "payload": f"data:video/mp4;base64,{ENCODED}"},
        {"type": "hologram", "inner": [{"bytes": ENCODED}]},
        {"type": "resource", "resource": {"uri": "x", "raw": ENCODED}},
    ],
)
def test_bytes_of_unknown_blocks_never_become_words(block: Any) -> None:
    result = part_of({"type": "tool_result", "tool_use_id": "t", "content": [block]})
    [text] = result.parts
    assert "QUJDQUJD" not in text.text and "(a file)" in text.text


def test_the_text_of_a_resource_is_read() -> None:
    resource = {"uri": "file:///notes.md", "text": "Buy milk."}
    block = {"type": "resource", "resource": resource}
    result = part_of({"type": "tool_result", "tool_use_id": "t", "content": [block]})
    [text] = result.parts
    assert "Buy milk." in text.text and "notes.md" in text.text
