"""Server-sent events as the dialects write them: compact JSON in ASCII."""

import json
from typing import Any

compact_json = json.JSONEncoder(separators=(",", ":")).encode


def data_frame(data: dict[str, Any]) -> bytes:
    """One event without a name."""
    return b"data: " + compact_json(data).encode("ascii") + b"\n\n"


def named_frame(data: dict[str, Any]) -> bytes:
    """One event, named after its ``type``: Anthropic's SDKs ignore events without a name."""
    return f"event: {data['type']}\ndata: {compact_json(data)}\n\n".encode("ascii")
