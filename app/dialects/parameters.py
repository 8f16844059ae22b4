"""What of a payload goes to the bot as its own parameters (Poe's custom bot parameters)."""

from typing import Any

from marshmallow import Schema


def bot_parameters(
    payload: dict[str, Any], schema: type[Schema], passed_on: tuple[str, ...]
) -> dict[str, Any]:
    """The fields that the format does not know, what ``extra_body`` holds, and ``passed_on``.

    ``passed_on``: fields of the format that Poe takes by this way only.
    """
    known = schema._declared_fields
    parameters = {name: payload[name] for name in passed_on if payload[name] is not None}
    parameters |= {name: value for name, value in payload.items() if name not in known}
    return parameters | (payload["extra_body"] or {})
