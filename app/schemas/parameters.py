"""What of a payload goes to the bot as its own parameters (Poe's custom bot parameters)."""

import math
import re
from typing import Any

from marshmallow import Schema

from app.core import strict_json
from app.schemas.loading import field_names

_SIZE = re.compile(r"([1-9][0-9]{0,4})[x:]([1-9][0-9]{0,4})")
_USUAL_NAMES = {"7:3": "21:9", "3:7": "9:21"}
_ASPECTS = frozenset(
    "1:1 2:1 3:1 3:2 4:3 5:4 7:4 16:9 21:9 1:2 1:3 2:3 3:4 4:5 4:7 9:16 9:21".split()
)


def bot_parameters(
    payload: dict[str, Any], schema: type[Schema], passed_on: tuple[str, ...]
) -> dict[str, Any]:
    """The fields that the format does not know, what ``extra_body`` holds, and ``passed_on``.

    ``passed_on``: fields of the format that Poe takes by this way only.
    """
    known = field_names(schema)
    parameters = {name: payload[name] for name in passed_on if payload[name] is not None}
    parameters |= {name: value for name, value in payload.items() if name not in known}
    return parameters | (payload["extra_body"] or {})


def aspect_of(size: str) -> str | None:
    """The ratio that Poe's bots know a size by: ``1792x1024`` is ``7:4``. None for others."""
    found = _SIZE.fullmatch(size)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    divisor = math.gcd(width, height)
    ratio = f"{width // divisor}:{height // divisor}"
    ratio = _USUAL_NAMES.get(ratio, ratio)
    return ratio if ratio in _ASPECTS else None


def from_form(text: str) -> Any:
    """A form knows only texts: what reads as a number, as true or as false is one."""
    try:
        value = strict_json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
