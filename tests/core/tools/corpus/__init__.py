"""Texts of models, and what is called in them. The data are TOML files, one a family of notations.

``calls/*.toml`` hold what is a call. An ``[[entry]]`` has

- ``id``, and ``write``: what the model writes;
- ``calls``: one string a call, ``NAME ARGUMENTS``, with the arguments as JSON (for a custom tool a
  JSON string of its free text); ``or_calls``: another result that is as good;
- ``text``: what the user reads besides, "" where it is left out. Runs of white space count as one;
- ``tools``: the names of the tools that are offered, where it is not ``TOOLS``;
- ``reasoning``: a piece of the model's thoughts. Whether these come out as reasoning or are left to
  the stage before, the calls in them are none;
- ``lenient_text``: only the calls are asserted;
- ``cut``: false where the text, cut off at the wrong place, is a call whose last tag is missing.

``texts/*.toml`` hold what is no call, in lists. Of ``plain`` texts (without marks) and ``flows``
(with some) nothing may be held back longer than it can still become a call; ``held`` are those that
could be one up to their end, or close to it. All of these come out as they were written. ``broken``
were to become calls: only that none is made is asserted.
"""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.conversation import ToolSpec

_HERE = Path(__file__).parent
_STRING: dict[str, object] = {"type": "string"}


def _tool(tool_name: str, **properties: dict[str, object]) -> ToolSpec:
    return ToolSpec(tool_name, parameters={"type": "object", "properties": properties})


TOOLS = (
    _tool(
        "get_weather",
        city=_STRING,
        days={"type": "integer"},
        hourly={"type": "boolean"},
        units={"type": "array", "items": _STRING},
    ),
    _tool("read_file", path=_STRING),
    _tool("write_file", path=_STRING, content=_STRING),
    _tool("bash", command=_STRING, timeout={"type": "integer"}),
    _tool(
        "search",
        query=_STRING,
        limit={"type": "integer"},
        filters={"type": "object"},
        tags={"type": "array", "items": _STRING},
    ),
    _tool("ping"),
    ToolSpec("patch", custom=True),
)
_BY_NAME = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a model writes, and what is called in it."""

    id: str
    write: str
    calls: tuple[str, ...]
    or_calls: tuple[str, ...]
    text: str
    tools: tuple[ToolSpec, ...]
    reasoning: str = ""
    lenient_text: bool = False
    cut: bool = True


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without a call. ``kind`` is the key of its list."""

    id: str
    write: str
    kind: str


def call(name: str, arguments: object) -> str:
    """A call in the form in which the corpus writes it; members in the order of their names."""
    return f"{name} {json.dumps(arguments, sort_keys=True, ensure_ascii=False)}"


def _normal(written: str) -> str:
    name, _, arguments = written.partition(" ")
    return call(name, json.loads(arguments))


def _offered(names: list[str] | None) -> tuple[ToolSpec, ...]:
    if names is None:
        return TOOLS
    return tuple(_BY_NAME.get(name) or _tool(name, what=_STRING) for name in names)


@cache
def entries() -> tuple[Entry, ...]:
    """What is a call, of all families."""
    return tuple(
        Entry(
            f"{path.stem}: {row['id']}",
            row["write"],
            tuple(map(_normal, row["calls"])),
            tuple(map(_normal, row.get("or_calls", row["calls"]))),
            row.get("text", "").strip(),
            _offered(row.get("tools")),
            row.get("reasoning", ""),
            row.get("lenient_text", False),
            row.get("cut", True),
        )
        for path in sorted(_HERE.glob("calls/*.toml"))
        for row in tomllib.loads(path.read_text("utf-8"))["entry"]
    )


@cache
def texts() -> tuple[Plain, ...]:
    """What is no call, of all kinds."""
    return tuple(
        Plain(f"{path.stem}: {key} {number}", text, key)
        for path in sorted(_HERE.glob("texts/*.toml"))
        for key, found in tomllib.loads(path.read_text("utf-8")).items()
        for number, text in enumerate(found, 1)
    )
