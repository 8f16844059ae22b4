"""GET /openapi.json: the requests and answers of all routes, made from the views and schemas."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from apispec import APISpec
from flask import Blueprint, Flask, Response, current_app, jsonify
from werkzeug.routing import Rule

from app import __version__
from app.dialects.openapi.answers import DocumentSchema
from app.http.envelopes import ErrorEnvelope
from app.http.operations import Operation, operation, operation_of
from app.http.wire_formats import WireFormat, envelopes_of
from app.schemas.json_form import BINARY, FILLED, TEXT, JsonSchema
from app.schemas.openapi import Converter, SchemasPlugin

blueprint = Blueprint("openapi", __name__)
FORMAT = WireFormat(blueprint)


Envelopes = tuple[ErrorEnvelope, ...]

DESCRIPTION = """\
Every bot of Poe behind the APIs of OpenAI and Anthropic. Every path answers with and without /v1 \
before it. Fields that a format does not know are accepted; where a schema says so they go to the \
bot as its own parameters. An answer that streams comes as the vendor's server-sent events; after \
its first byte an error is an event of the stream."""

ERRORS = {
    400: ("InvalidRequest", "Malformed JSON, or a field at fault, which `param` names."),
    401: ("Unauthenticated", "No credential, or one that is not known, is blocked or has expired."),
    402: (
        "InsufficientCredits",
        "The Poe account has too few points, or the token's budget is used up.",
    ),
    403: ("Refused", "Poe does not allow this request, or the token may not ask this bot."),
    404: ("NotFound", "There is nothing of that name or id."),
    405: ("MethodNotAllowed", "The path does not take this method."),
    408: ("BotTimeout", "The bot did not start in time."),
    413: ("RequestTooLarge", "The body is over the limit, or a file too large for the bot."),
    415: ("UnsupportedEncoding", "The body has a Content-Encoding that is not read."),
    426: ("WebSocketsUnsupported", "WebSockets are not supported here; stream by POST instead."),
    429: ("RateLimited", "Too many requests; Retry-After says when to come again, if known."),
    502: ("UpstreamError", "The bot, Poe or the network failed."),
    503: ("Unavailable", "The gateway restarts, or the state cannot be reached; see Retry-After."),
    529: ("Overloaded", "Poe is overloaded."),
}
"""The name and the meaning of each error status."""

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_HEADERS: dict[str, JsonSchema] = {
    "x-request-id": {
        "description": "The request's id, which the gateway's log names too.",
        "required": True,
        "schema": FILLED,
    },
    "Retry-After": {"description": "When to try again, where Poe said it.", "schema": TEXT},
}
_VERSION_HEADER = {
    "in": "header",
    "name": "anthropic-version",
    "description": "With it the request and its answer are those of Anthropic's API.",
    "schema": TEXT,
}
_REQUEST_ID = {"x-request-id": "x-request-id"}
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@blueprint.get("/openapi.json")
@operation("This document", DocumentSchema, guarded=False)
def openapi_document() -> Response:
    return jsonify(describe(current_app._get_current_object()))  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application, made at the first request for it."""
    plugin = SchemasPlugin()
    spec = APISpec("Poegate", __version__, "3.1.0", [plugin], **_preface(app))
    assert isinstance(plugin.converter, Converter)
    rules = sorted(app.url_map.iter_rules(), key=str)
    _add_components(spec, dict.fromkeys(envelopes_of(app, rule.rule) for rule in rules))
    for rule in rules:
        details = operation_of(app.view_functions[rule.endpoint])
        if details is not None and not rule.websocket:
            prefix = _error_prefix(envelopes_of(app, rule.rule))
            _add_operation(spec, plugin.converter, rule, details, prefix)
    return spec.to_dict()


def _preface(app: Flask) -> dict[str, Any]:
    return {
        "info": {"description": DESCRIPTION},
        "servers": [{"url": "/v1"}, {"url": "/"}],
        "tags": [{"name": name} for name in app.blueprints if name != "unsupported"],
    }


def _add_components(spec: APISpec, error_envelopes: Iterable[Envelopes]) -> None:
    for name, scheme in _SECURITY.items():
        spec.components.security_scheme(name, scheme)
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    for status, (name, words) in ERRORS.items():
        headers = _REQUEST_ID | ({"Retry-After": "Retry-After"} if status > 401 else {})
        for envelopes in error_envelopes:
            schemas: list[Any] = [envelope.schema() for envelope in envelopes]
            schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            content = {"application/json": {"schema": schema}}
            response = {"description": words, "headers": headers, "content": content}
            spec.components.response(_error_prefix(envelopes) + name, response)


def _add_operation(
    spec: APISpec, converter: Converter, rule: Rule, details: Operation, prefix: str
) -> None:
    body = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": details.summary,
        "parameters": list(_parameters(rule, details, converter)),
        "responses": _responses(rule, details, prefix),
        **(
            {"requestBody": _request_body(details, converter)}
            if details.body or details.form
            else {}
        ),
        **(
            {"security": [{name: []} for name in _SECURITY]}
            if details.guarded
            else {"security": []}
        ),
    }
    methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
    spec.path(path_of(rule), operations={method.lower(): body for method in methods})


def path_of(rule: Rule) -> str:
    """``/models/<path:name>`` as OpenAPI writes it: ``/models/{name}``."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


def _parameters(rule: Rule, details: Operation, converter: Converter) -> Iterator[JsonSchema]:
    for name in _PARAMETER.findall(rule.rule):
        yield {"in": "path", "name": name, "required": True, "schema": FILLED}
    if details.versioned:
        yield _VERSION_HEADER
    # The same name in several query strings: the first one's words count.
    queries = reversed([converter.describe_query(schema()) for schema in details.query])
    yield from {given["name"]: given for query in queries for given in query}.values()


def _request_body(details: Operation, converter: Converter) -> JsonSchema:
    content: JsonSchema = {}
    if details.body:
        content["application/json"] = {"schema": details.body()}
    if details.form:
        content["multipart/form-data"] = {"schema": converter.describe_form(details.form())}
    return {"required": True, "content": content}


def _responses(rule: Rule, details: Operation, prefix: str) -> JsonSchema:
    errors = {
        str(status): prefix + ERRORS[status][0] for status in sorted(_statuses(rule, details))
    }
    if not details.answer:
        return errors
    words = "Whole, or in the vendor's server-sent events." if details.streams else "Done."
    answer = {"description": words, "headers": _REQUEST_ID, "content": dict(_contents(details))}
    return {str(details.status): answer, **errors}


def _error_prefix(envelopes: Envelopes) -> str:
    """The prefix of the names of error answers, which says whose envelope they have."""
    return envelopes[0].name if len(envelopes) == 1 else "Either"


def _statuses(rule: Rule, details: Operation) -> set[int]:
    """The error statuses of the operation: those of its inputs, and its own."""
    return {
        *details.errors,
        *((401, 503) if details.guarded else ()),
        *((400,) if details.body or details.form or details.query else ()),
        *((413, 415) if details.body or details.form else ()),
        *((404,) if rule.arguments else ()),
    }


def _contents(details: Operation) -> Iterator[tuple[str, JsonSchema]]:
    schemas: list[Any] = [shape() for shape in details.answer if not isinstance(shape, str)]
    if schemas:
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        yield "application/json", {"schema": schema}
    for shape in details.answer:
        if isinstance(shape, str):
            yield shape, {"schema": BINARY}
    if details.streams:
        yield "text/event-stream", {}
