"""The fields of a payload that go to the bot as parameters (Poe's custom bot parameters)."""

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
    """The payload's unknown fields, those in ``extra_body``, and those named in ``passed_on``.

    ``passed_on``: fields of the format that Poe accepts only as parameters.
    """
    known = field_names(schema)
    parameters = {name: payload[name] for name in passed_on if payload[name] is not None}
    parameters |= {name: value for name, value in payload.items() if name not in known}
    return parameters | (payload["extra_body"] or {})


def aspect_of(size: str) -> str | None:
    """The aspect ratio that Poe's bots use for a size: ``1792x1024`` is ``7:4``. None for
    others."""
    found = _SIZE.fullmatch(size)
    if found is None:
        return None
    width, height = int(found[1]), int(found[2])
    divisor = math.gcd(width, height)
    ratio = f"{width // divisor}:{height // divisor}"
    ratio = _USUAL_NAMES.get(ratio, ratio)
    return ratio if ratio in _ASPECTS else None


def from_form(text: str) -> Any:
    """A form has only texts: a text that reads as a number or a boolean is loaded as one."""
    try:
        value = strict_json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
