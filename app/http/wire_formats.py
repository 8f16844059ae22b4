"""The declaration of a wire format: its routes and its error envelope."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Blueprint, Flask, current_app, request

from app.http.envelopes import ANTHROPIC, OPENAI, ErrorEnvelope


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One folder of ``dialects``: its ``routes.py`` declares one of these as FORMAT.

    ``both_vendors``: both vendors' APIs have these paths; a request with an ``anthropic-version``
    header gets Anthropic's envelope.
    """

    blueprint: Blueprint
    envelope: ErrorEnvelope = OPENAI
    both_vendors: bool = False


def register_formats(app: Flask, formats: Iterable[WireFormat]) -> None:
    """Registers the blueprints. The first segment of a path says which format owns it, so that
    an unknown route and a wrong method get the right envelope too."""
    by_name = {wire_format.blueprint.name: wire_format for wire_format in formats}
    for wire_format in by_name.values():
        app.register_blueprint(wire_format.blueprint)
    app.extensions["poegate.formats"] = {
        _first_segment(rule.rule): by_name[name]
        for rule in app.url_map.iter_rules()
        if (name := rule.endpoint.partition(".")[0]) in by_name
    }


def envelopes_of(app: Flask, path: str) -> tuple[ErrorEnvelope, ...]:
    """The possible envelopes of errors of a path, which has no /v1."""
    wire_format: WireFormat | None = app.extensions["poegate.formats"].get(_first_segment(path))
    if wire_format is None:
        return (OPENAI,)
    if wire_format.both_vendors:
        return (OPENAI, ANTHROPIC)
    return (wire_format.envelope,)


def current_envelope() -> ErrorEnvelope:
    """The envelope for errors of this request."""
    envelopes = envelopes_of(current_app, request.path)
    return envelopes[-1 if "anthropic-version" in request.headers else 0]


def wants_anthropic() -> bool:
    """Whether this request is one of Anthropic's API."""
    return current_envelope() is ANTHROPIC


def _first_segment(path: str) -> str:
    return path.split("/", 2)[1]
