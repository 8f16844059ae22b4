"""POST /responses, and the stored responses."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from app.access.client import Client
from app.core.passed_streams import ToError
from app.core.turns import in_turns
from app.core.upstream import RESPONSES, Obstacle
from app.dialects.responses import native
from app.dialects.responses import response as responses
from app.dialects.responses.answers import (
    DeletedSchema,
    InputItemsSchema,
    InputTokensAnswerSchema,
    ResponseSchema,
)
from app.dialects.responses.items import page_of
from app.dialects.responses.kept import Kept
from app.dialects.responses.request import PREVIOUS, begin_turn, parse
from app.dialects.responses.schemas import InputTokensSchema, ResponsesSchema, RetrieveSchema
from app.dialects.responses.stream import Encoder
from app.errors import ApiError, InvalidRequest
from app.http.forwarding import Continuation, NativeFormat, forward, kept_at_poe, pass_on
from app.http.incoming import load_request, read_request
from app.http.json_bodies import read_json
from app.http.operations import BOT_ERRORS, operation
from app.http.services import authenticate, services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.relay.fallbacks import answer_with_fallbacks
from app.schemas.loading import load_payload
from app.schemas.paging import OrderedQuerySchema

blueprint = Blueprint("responses", __name__)
FORMAT = WireFormat(blueprint)
_SCHEMA = ResponsesSchema()
_INPUT_TOKENS_SCHEMA = InputTokensSchema()
_RETRIEVE_SCHEMA = RetrieveSchema()
_PAGE_SCHEMA = OrderedQuerySchema()
_HANDSHAKE = ("Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")


class WebSocketsUnsupported(ApiError):
    status, type = 426, "invalid_request_error"


def _kept(client: Client) -> Kept:
    return Kept(services().store, client.owner)


def _at_poe(response_id: str, client: Client) -> Response | None:
    """Poe's answer for a response that Poe keeps; None for any other."""
    place = kept_at_poe(client).find(response_id)
    return None if place is None else forward(place, client)[0]


@blueprint.post("/responses")
@operation(
    "OpenAI's Responses", ResponseSchema, body=ResponsesSchema, streams=True, errors=BOT_ERRORS
)
def create_response() -> Response:
    client = authenticate()
    body = read_json()
    if (passed := _pass_on(body, client)) is not None:
        return passed
    payload = load_request(_SCHEMA, body)
    kept, response_id = Kept(services().store, client.owner), responses.new_response_id()
    turn = begin_turn(payload, response_id, kept)
    query = with_files(parse(payload, turn, services().bot_named), client)
    first = len(turn.conversation)
    envelope = responses.new_envelope(response_id, payload, turn.toolbox, first)
    stored = payload["store"] is not False
    keep = partial(kept.keep, list(turn.items)) if stored else _keep_nothing
    streaming = bool(payload["stream"])
    reply = answer_with_fallbacks(services().relay, query, client, streaming=streaming)

    def named() -> responses.Envelope:
        return replace(envelope, echo={**envelope.echo, "model": reply.fixed_model()})

    if streaming:
        return stream_answer(reply, lambda: Encoder(named(), keep), services().settings)
    [answer] = whole_answers(reply)
    response = responses.render(answer, named())
    return jsonify(response if keep(response) else responses.not_kept(response))


def _pass_on(body: Any, client: Client) -> Response | None:
    """Poe's answer, or None. What Poe keeps is remembered for the client."""
    at_poe, passing = kept_at_poe(client), services().passing

    def keep(response: Mapping[str, Any]) -> None:
        if response.get("store") is not False and body.get("store") is not False:
            at_poe.remember(native.ids_of(response), passing.place_of(client, body["model"]))

    def new_stream(model: str, to_error: ToError) -> native.ResponsesReader:
        return native.ResponsesReader(model, to_error, keep)

    form = NativeFormat(RESPONSES, native.obstacle_in, native.usage_in, new_stream)
    return pass_on(form, body, client, continuation=partial(_continuation, client), keep=keep)


def _continuation(client: Client, body: dict[str, Any]) -> Continuation:
    """What the request goes on from. Raises NotFound for what only another client can have."""
    names = native.references_in(body)
    at_poe = kept_at_poe(client)
    places = {name: at_poe.find(name) for name in in_turns(names)}
    known = [place for place in places.values() if place is not None]
    if not known:
        return _kept_here(names, client)
    if len(known) < len(names) or len({place["key"] for place in known}) > 1:
        obstacle = Obstacle("items that are kept in several places", "input")
        return Continuation(known[0], obstacle)
    return Continuation(known[0])


def _kept_here(names: list[str], client: Client) -> Continuation:
    """For names that are not at Poe, as far as is known: a client with a key of its own may have
    been there without this gateway."""
    kept = _kept(client)
    unknown = [name for name in in_turns(names) if not kept.knows(name)]
    if len(unknown) < len(names) or (names and client.has_token):
        return Continuation(obstacle=Obstacle("what this gateway keeps", PREVIOUS))
    return Continuation()


@blueprint.post("/responses/input_tokens")
@operation("The tokens of a prompt", InputTokensAnswerSchema, body=InputTokensSchema, errors=(404,))
def count_input_tokens() -> Response:
    """Tokens of the prompt including tools, as in the usage of an answer."""
    client, payload = read_request(_INPUT_TOKENS_SCHEMA)
    payload["model"] = payload["model"] or ""
    turn = begin_turn(payload, responses.new_response_id(), Kept(services().store, client.owner))
    query = with_files(parse(payload, turn, services().bot_named), client)
    tokens = services().relay.count_prompt(query)
    return jsonify({"object": "response.input_tokens", "input_tokens": tokens})


def _keep_nothing(_: dict[str, Any]) -> bool:
    """The client sent ``store: false``, and the response says so."""
    return True


@blueprint.get("/responses", websocket=True)
@blueprint.get("/responses")
@operation("Refuses WebSockets", guarded=False, errors=(405, 426))
def refuse_websocket() -> Response:
    """Codex first tries a WebSocket here. At a 426 it uses POST at once; other statuses cost
    retries.

    nginx removes the Upgrade header, so the other headers of the handshake count too.
    """
    if not any(name in request.headers for name in _HANDSHAKE):
        raise MethodNotAllowed(["POST"])
    raise WebSocketsUnsupported(
        "This gateway has no WebSockets: send POST /v1/responses with stream: true.",
        code="websocket_not_supported",
    )


@blueprint.get("/responses/<response_id>")
@operation("A response that was kept", ResponseSchema, query=(RetrieveSchema,))
def retrieve_response(response_id: str) -> Response:
    client = authenticate()
    load_payload(_RETRIEVE_SCHEMA, request.args.to_dict())
    return _at_poe(response_id, client) or jsonify(_kept(client).response(response_id))


@blueprint.delete("/responses/<response_id>")
@operation("Forgets a response", DeletedSchema)
def delete_response(response_id: str) -> Response:
    client = authenticate()
    if (passed := _at_poe(response_id, client)) is not None:
        kept_at_poe(client).forget(response_id)
        return passed
    _kept(client).forget(response_id)
    return jsonify({"id": response_id, "object": "response", "deleted": True})


@blueprint.get("/responses/<response_id>/input_items")
@operation("What a response answers to", InputItemsSchema, query=(OrderedQuerySchema,))
def list_input_items(response_id: str) -> Response:
    client = authenticate()
    if (passed := _at_poe(response_id, client)) is not None:
        return passed
    items = _kept(client).input_items(response_id)
    page = load_payload(_PAGE_SCHEMA, request.args.to_dict())
    return jsonify(page_of(items, **page))


@blueprint.post("/responses/<response_id>/cancel")
@operation("Refused, for no response runs in the background", errors=(400,))
def cancel_response(response_id: str) -> Response:
    client = authenticate()
    if kept_at_poe(client).find(response_id) is None:
        _kept(client).response(response_id)
    raise InvalidRequest("Cannot cancel a synchronous response.", param="response_id")
