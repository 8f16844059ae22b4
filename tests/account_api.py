"""The simulated Poe's account API: what a key has is told by the key itself.

``points-BALANCE-ENTRIES-STEP``: so many points, and a history of so many entries, one each STEP
microseconds. ``status-CODE``: that HTTP status, the key in its words. ``odd-…``: what is no answer.
"""

import re
from typing import Any
from urllib.parse import parse_qs

NEWEST = 1_763_000_000_000_000

MODELS = [
    {
        "id": "Gemini-2.5-Pro",
        "object": "model",
        "created": 1_750_000_000_000,
        "owned_by": "Google",
        "root": "Gemini-2.5-Pro",
        "pricing": {"prompt": "0.0000012", "completion": "0.00001", "image": None, "request": None},
        "architecture": {
            "input_modalities": ["text", "image", "video", "audio"],
            "output_modalities": ["text"],
            "modality": "text,image,video,audio->text",
        },
        "supported_features": ["tools"],
        "context_window": {"context_length": 1_048_576, "max_output_tokens": 65_536},
        "context_length": 1_048_576,
        "metadata": {"display_name": "Gemini 2.5 Pro", "url": "https://poe.com/Gemini-2.5-Pro"},
    },
    {"id": "Bilder/Größe:v1.5", "object": "model", "created": None, "pricing": None},
    {
        "id": "count-7",
        "object": "model",
        "architecture": {"output_modalities": ["text"]},
        "supported_features": ["tools", "web_search"],
        "parameters": [
            {"name": "thinking_level", "schema": {"type": "string", "enum": ["low", "high"]}},
            {"name": "web_search", "schema": {"type": "boolean"}, "default_value": False},
        ],
    },
    {"id": "count-8", "object": "model", "architecture": {"output_modalities": ["image"]}},
    {"id": "toolless-1", "object": "model", "supported_features": ["tools"]},
    *({"id": f"crowd-{number:02}", "object": "model", "created": 0} for number in range(25)),
]


def history(key: str) -> list[dict[str, Any]]:
    """All entries of a key, the newest first."""
    _, balance, count, step = key.split("-")
    return [
        {
            "creation_time": NEWEST - number * int(step),
            "bot_name": "GPT-5",
            "query_id": f"{balance}q{number}",
            "usage_type": "API",
            "cost_points": number,
        }
        for number in range(int(count))
    ]


def answer_account(path: str, query_string: bytes, authorization: str) -> tuple[int, Any]:
    """The status and the JSON of one request."""
    key = authorization.removeprefix("Bearer ")
    if refused := re.fullmatch(r"status-(\d+)", key):
        return int(refused[1]), {"error": {"message": f"the key {key} is told {refused[1]}"}}
    if not key.startswith("points-"):
        return 200, ["odd"]
    if path.endswith("/current_balance"):
        return 200, {"current_point_balance": int(key.split("-")[1])}
    query = {name: values[0] for name, values in parse_qs(query_string.decode()).items()}
    return page(history(key), int(query.get("limit", 20)), query.get("starting_after"))


def page(entries: list[dict[str, Any]], limit: int, after: str | None) -> tuple[int, Any]:
    ids = [entry["query_id"] for entry in entries]
    if after is not None and after not in ids:
        return 400, {"error": {"message": "no such cursor"}}
    start = 0 if after is None else ids.index(after) + 1
    data = entries[start : start + limit]
    return 200, {"has_more": start + limit < len(entries), "length": len(data), "data": data}
