"""The fields of a payload that go to the bot as parameters (Poe's custom bot parameters)."""

import math
import re
from typing import Any

from marshmallow import Schema

from app.core import strict_json
from app.errors import InvalidRequest
from app.schemas.loading import field_names

MAX_ELEMENTS = 100_000
"""fastapi_poe copies a message with its parameters in one step."""

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
    parameters |= payload["extra_body"] or {}
    _check_elements(parameters)
    return parameters


def _check_elements(parameters: dict[str, Any]) -> None:
    """Raises InvalidRequest for more than MAX_ELEMENTS in all objects and lists together."""
    count = 0
    for name, value in parameters.items():
        containers = [value] if isinstance(value, dict | list) else []
        for container in containers:  # which grows
            count += len(container)
            if count > MAX_ELEMENTS:
                message = f"{name}: The bot's parameters have more than {MAX_ELEMENTS:,} elements."
                raise InvalidRequest(message, param=name)
            members = container.values() if isinstance(container, dict) else container
            containers += [member for member in members if isinstance(member, dict | list)]


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
