"""The tools of these tests, and calls of them."""

from app.core.conversation import ToolSpec

TOOLS = (
    ToolSpec(
        "get_weather",
        "Tells the weather.",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "hourly": {"type": "boolean"},
                "units": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["city"],
        },
    ),
    ToolSpec(
        "write_file",
        parameters={
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        },
    ),
    ToolSpec("ping", parameters={"type": "object", "properties": {}}),
    ToolSpec("patch", custom=True, grammar="start: line+"),
)

Found = str | tuple[str, str]
Row = tuple[str, str, list[Found]]
"""A name, what a model wrote, and what is found in it: texts, and calls as (name, arguments)."""

PARIS = ("get_weather", '{"city":"Paris"}')
ROME = ("get_weather", '{"city":"Rome"}')
PING = ("ping", "{}")
