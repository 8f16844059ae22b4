"""Input items of Responses: what is kept of them, and what a bot reads of them."""

from typing import Any

import pytest
from openai.types.responses import ResponseItem, ResponseItemList
from pydantic import TypeAdapter

from app.core.conversation import Media, Message, Text, ToolCall, ToolResult
from app.dialects.responses.items import item_id, messages_of, page_of, response_id_of, settle_items
from app.dialects.responses.schemas import ResponsesSchema
from app.errors import InvalidRequest
from app.schemas.loading import load_payload

ID = "resp_" + "ab" * 16
PIXEL = "data:image/png;base64,iVBORw0KGgo="
_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def settled(*items: Any, find: Any = lambda _: None) -> list[dict[str, Any]]:
    payload = load_payload(ResponsesSchema(), {"model": "m", "input": list(items)})
    return settle_items(payload["input"], ID, 0, find)


def read(*items: Any) -> list[Message]:
    pairs = [(item, f"input[{index}]") for index, item in enumerate(settled(*items))]
    return list(messages_of(pairs))


def fault(*items: Any) -> tuple[str | None, str]:
    with pytest.raises(InvalidRequest) as raised:
        read(*items)
    return raised.value.param, raised.value.message


CALL = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "3"}


def test_it_works() -> None:
    payload = load_payload(ResponsesSchema(), {"model": "m", "input": "  Hello "})
    [item] = settle_items(payload["input"], ID, 0, lambda _: None)
    assert item == {
        "id": f"msg_{'ab' * 16}0000",
        "status": "completed",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "  Hello "}],
    }
    assert messages_of([(item, "input")]) == (Message("user", (Text("  Hello "),)),)


@pytest.mark.parametrize(
    ("role", "read_as"),
    [("user", "user"), ("system", "system"), ("developer", "system"), ("assistant", "assistant")],
)
@pytest.mark.parametrize("kind", ["input_text", "output_text", "text"])
def test_roles_and_names_of_text(role: str, read_as: str, kind: str) -> None:
    """SDKs leave the message's type away, and name text by habit."""
    item = {"role": role, "content": [{"type": kind, "text": "hi", "annotations": None}]}
    assert read(item) == [Message(read_as, (Text("hi"),))]  # type: ignore[arg-type]
    [kept] = settled(item)
    wanted = "output_text" if role == "assistant" else "input_text"
    assert kept["content"][0]["type"] == wanted
    _ITEM.validate_python(kept)


def test_a_turn_of_the_assistant_is_one_message() -> None:
    """Its text and its calls come as items of their own; each result is a message."""
    messages = read(
        {"role": "user", "content": "go"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
        CALL,
        {**CALL, "call_id": "c2", "parsed_arguments": {"a": 1}},
        RESULT,
        {**RESULT, "call_id": "c2", "output": [{"type": "input_text", "text": "4"}]},
    )
    assert messages[1:] == [
        Message(
            "assistant",
            (
                Text("Let me see."),
                ToolCall("c1", "add", '{"a":1}'),
                ToolCall("c2", "add", '{"a":1}'),
            ),
        ),
        Message("tool", (ToolResult("c1", (Text("3"),)),)),
        Message("tool", (ToolResult("c2", (Text("4"),)),)),
    ]


def test_custom_calls_and_namespaces() -> None:
    messages = read(
        {
            "type": "custom_tool_call",
            "call_id": "c1",
            "namespace": "functions",
            "name": "exec",
            "input": "1 + 1",
        },
        {
            "type": "custom_tool_call_output",
            "call_id": "c1",
            "output": [{"type": "input_text", "text": "2"}],
        },
    )
    assert messages == [
        Message("assistant", (ToolCall("c1", "functions.exec", "1 + 1", custom=True),)),
        Message("tool", (ToolResult("c1", (Text("2"),)),)),
    ]


def test_a_tool_may_answer_with_a_picture() -> None:
    image = {"type": "input_image", "image_url": PIXEL}
    [message] = read({**RESULT, "output": [{"type": "input_text", "text": "see"}, image]})
    [result] = message.parts
    assert isinstance(result, ToolResult)
    text, media = result.parts
    assert text == Text("see")
    assert isinstance(media, Media)
    assert (media.content_type, media.param) == ("image/png", "input[0].output[1].image_url")


@pytest.mark.parametrize(
    ("part", "content_type", "name", "param"),
    [
        ({"type": "input_image", "image_url": PIXEL}, "image/png", "image", "image_url"),
        (
            {"type": "input_image", "image_url": "https://h/cat.jpg", "detail": "low"},
            "image/jpeg",
            "cat.jpg",
            "image_url",
        ),
        (
            {"type": "input_file", "file_data": "aGk=", "filename": "a.txt"},
            "text/plain",
            "a.txt",
            "file_data",
        ),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,aGk="},
            "application/pdf",
            "file",
            "file_data",
        ),
        (
            {"type": "input_file", "file_url": "https://h/a.pdf", "file_id": None},
            "application/pdf",
            "a.pdf",
            "file_url",
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            "audio/mpeg",
            "audio.mp3",
            "input_audio",
        ),
    ],
)
def test_files(part: Any, content_type: str, name: str, param: str) -> None:
    [message] = read({"role": "user", "content": [part]})
    [media] = message.parts
    assert isinstance(media, Media)
    assert (media.content_type, media.name) == (content_type, name)
    assert media.param == f"input[0].content[0].{param}"


def test_what_tools_of_openai_did() -> None:
    """A client's own run of them is a call like any other; what OpenAI's servers did is not."""
    messages = read(
        {
            "type": "local_shell_call",
            "id": "lsh_1",
            "call_id": "c1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
        },
        {"type": "local_shell_call_output", "id": "c1", "output": "a.txt"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGk="},
        {"type": "computer_call_output", "call_id": "c2", "output": {"image_url": PIXEL}},
        {"type": "mcp_list_tools", "id": "m", "server_label": "s", "tools": []},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
    )
    [asked, answered] = messages
    [call] = asked.parts
    assert isinstance(call, ToolCall)
    assert (call.id, call.name) == ("c1", "local_shell")
    assert '"command": ["ls"]' in call.arguments
    assert answered == Message("tool", (ToolResult("c1", (Text("a.txt"),)),))


def test_a_reference_is_what_it_refers_to() -> None:
    """The AI SDK sends earlier text and reasoning by their ids alone."""
    kept = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    assert settled({"type": "item_reference", "id": "msg_1"}, find={"msg_1": kept}.get) == [kept]
    assert settled({"id": "msg_1"}, find={"msg_1": kept}.get) == [kept]
    param, message = fault({"role": "user", "content": "a"}, {"type": "item_reference", "id": "x"})
    assert param == "input[1].id"
    assert "'x'" in message and "store: false" in message


def test_ids_of_the_client_stay() -> None:
    items = settled({"role": "user", "content": "a", "id": "msg_mine"}, CALL, RESULT)
    assert [item["id"] for item in items] == [
        "msg_mine",
        f"fc_{'ab' * 16}0001",
        f"fco_{'ab' * 16}0002",
    ]


def test_an_id_tells_its_response() -> None:
    assert response_id_of(item_id(ID, "message", 70_000)) == ID
    assert response_id_of("msg_c41717df-97c1-5a26-8828-306bb678f045") != ID


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ("text", "input[0]"),
        ({"type": "nonsense"}, "input[0].type"),
        ({}, "input[0].type"),
        ({"role": "tool", "content": "x"}, "input[0].role"),
        ({"role": "user"}, "input[0].content"),
        ({"role": "user", "content": 1}, "input[0].content"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "video"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": ["x"]}]}, "input[0].content[0].type"),
        ({"role": "user", "content": ["x"]}, "input[0].content[0]"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "ftp://h/a"}]},
            "input[0].content[0].image_url",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "file_id": ""}]},
            "input[0].content[0].file_id",
        ),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0]"),
        (
            {"role": "user", "content": [{"type": "input_file", "file_data": "data:x"}]},
            "input[0].content[0].file_data",
        ),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
        ({"type": "function_call_output", "call_id": "c"}, "input[0].output"),
        ({"type": "function_call_output", "call_id": "c", "output": 3}, "input[0].output"),
        ({"type": "item_reference"}, "input[0].id"),
    ],
)
def test_what_does_not_fit_is_named(item: Any, param: str) -> None:
    told, message = fault(item)
    assert told == param
    assert message.startswith(f"{param}: ")


def test_kept_items_are_of_the_types_that_sdks_list() -> None:
    items = settled(
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "input_image", "image_url": PIXEL}]},
        {"role": "user", "content": [{"type": "input_file", "file_data": "aGk="}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "phase": None},
        CALL,
        RESULT,
        {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "i"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "o"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
        {"type": "additional_tools", "tools": [{"type": "custom", "name": "n"}]},
        {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "q"}},
    )
    for item in items:
        _ITEM.validate_python(item)
    page = page_of(items, after=None, limit=100, order="asc")
    assert ResponseItemList.model_validate(page).has_more is False
    assert [item["id"] for item in page["data"]] == [item["id"] for item in items]


def test_pages() -> None:
    items = [{"id": str(number)} for number in range(5)]

    def ids(after: str | None, limit: int, order: str) -> tuple[list[str], bool]:
        page = page_of(items, after=after, limit=limit, order=order)
        assert (page["first_id"], page["last_id"]) == (
            page["data"][0]["id"],
            page["data"][-1]["id"],
        )
        return [item["id"] for item in page["data"]], page["has_more"]

    assert ids(None, 2, "desc") == (["4", "3"], True)
    assert ids("3", 2, "desc") == (["2", "1"], True)
    assert ids("1", 2, "desc") == (["0"], False)
    assert ids(None, 5, "asc") == (["0", "1", "2", "3", "4"], False)
    assert page_of(items, after="0", limit=5, order="desc")["first_id"] == ""
    with pytest.raises(InvalidRequest, match="after"):
        page_of(items, after="nine", limit=5, order="desc")
