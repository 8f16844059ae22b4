"""Server-sent events as the dialects write them: compact JSON, in ASCII."""

import json
from typing import Any

compact_json = json.JSONEncoder(separators=(",", ":")).encode


def data_frame(data: dict[str, Any]) -> bytes:
    """One event without a name."""
    return b"data: " + compact_json(data).encode("ascii") + b"\n\n"


def named_frame(data: dict[str, Any]) -> bytes:
    """One event under the name that its ``type`` is: without it Anthropic's SDKs read nothing."""
    return f"event: {data['type']}\ndata: {compact_json(data)}\n\n".encode("ascii")
