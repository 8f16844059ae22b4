"""POST /responses, and the stored responses."""

from functools import partial
from typing import Any, TypedDict, cast

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from app.dialects.responses import response as responses
from app.dialects.responses.answers import (
    DeletedSchema,
    InputItemsSchema,
    InputTokensAnswerSchema,
    ResponseSchema,
)
from app.dialects.responses.items import Item, page_of, response_id_of
from app.dialects.responses.request import begin_turn, parse
from app.dialects.responses.schemas import InputTokensSchema, ResponsesSchema, RetrieveSchema
from app.dialects.responses.stream import Encoder
from app.errors import ApiError, InvalidRequest, NotFound
from app.http.incoming import read_request
from app.http.operations import BOT_ERRORS, operation
from app.http.services import services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.schemas.loading import load_payload
from app.schemas.paging import OrderedQuerySchema
from app.state.store import Store

blueprint = Blueprint("responses", __name__)
FORMAT = WireFormat(blueprint)
_SCHEMA = ResponsesSchema()
_INPUT_TOKENS_SCHEMA = InputTokensSchema()
_RETRIEVE_SCHEMA = RetrieveSchema()
_PAGE_SCHEMA = OrderedQuerySchema()
_HANDSHAKE = ("Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version")


class WebSocketsUnsupported(ApiError):
    status, type = 426, "invalid_request_error"


class KeptResponse(TypedDict):
    """A response object, and the ``input`` items that it answers to, earlier turns included."""

    response: dict[str, Any]
    input: list[Item]


class Kept:
    """The responses of one client."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    def keep(self, items: list[Item], response: dict[str, Any]) -> None:
        self._store.keep(self._owner, response["id"], KeptResponse(response=response, input=items))

    def response(self, response_id: str) -> dict[str, Any]:
        return self._found(response_id)["response"]

    def input_items(self, response_id: str) -> list[Item]:
        return self._found(response_id)["input"]

    def forget(self, response_id: str) -> None:
        self._found(response_id)
        self._store.forget(self._owner, response_id)

    def items_until(self, response_id: str) -> list[Item] | None:
        record = self._find(response_id)
        return None if record is None else [*record["input"], *record["response"]["output"]]

    def item(self, item_id: str) -> Item | None:
        items = self.items_until(response_id_of(item_id)) or ()
        return next((item for item in items if item.get("id") == item_id), None)

    def _find(self, response_id: str) -> KeptResponse | None:
        return cast(KeptResponse | None, self._store.recall(self._owner, response_id))

    def _found(self, response_id: str) -> KeptResponse:
        record = self._find(response_id)
        if record is None:
            raise NotFound(f"Response with id {response_id!r} not found.")
        return record


def _kept() -> Kept:
    """The stored responses of this client."""
    return Kept(services().store, services().gatekeeper.lease(request).owner)


@blueprint.post("/responses")
@operation(
    "OpenAI's Responses", ResponseSchema, body=ResponsesSchema, streams=True, errors=BOT_ERRORS
)
def create_response() -> Response:
    lease, payload = read_request(_SCHEMA)
    kept, response_id = Kept(services().store, lease.owner), responses.new_response_id()
    turn = begin_turn(payload, response_id, kept)
    query = with_files(parse(payload, turn, services().settings.bot_named), lease)
    items = turn.conversation
    envelope = responses.new_envelope(response_id, payload, turn.toolbox, len(items))
    keep = partial(kept.keep, items) if payload["store"] is not False else _keep_nothing
    streaming = bool(payload["stream"])
    reply = services().relay.answer(query, lease, streaming=streaming)
    if streaming:
        return stream_answer(reply, Encoder(envelope, keep), services().settings)
    [answer] = whole_answers(reply)
    response = responses.render(answer, envelope)
    keep(response)
    return jsonify(response)


@blueprint.post("/responses/input_tokens")
@operation("The tokens of a prompt", InputTokensAnswerSchema, body=InputTokensSchema)
def count_input_tokens() -> Response:
    """Tokens of the prompt including tools, as in the usage of an answer."""
    lease, payload = read_request(_INPUT_TOKENS_SCHEMA)
    payload["model"] = payload["model"] or ""
    turn = begin_turn(payload, responses.new_response_id(), Kept(services().store, lease.owner))
    query = with_files(parse(payload, turn, services().settings.bot_named), lease)
    tokens = services().relay.count_prompt(query)
    return jsonify({"object": "response.input_tokens", "input_tokens": tokens})


def _keep_nothing(_: dict[str, Any]) -> None:
    """The client sent ``store: false``."""


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
    kept = _kept()
    load_payload(_RETRIEVE_SCHEMA, request.args.to_dict())
    return jsonify(kept.response(response_id))


@blueprint.delete("/responses/<response_id>")
@operation("Forgets a response", DeletedSchema)
def delete_response(response_id: str) -> Response:
    _kept().forget(response_id)
    return jsonify({"id": response_id, "object": "response", "deleted": True})


@blueprint.get("/responses/<response_id>/input_items")
@operation("What a response answers to", InputItemsSchema, query=(OrderedQuerySchema,))
def list_input_items(response_id: str) -> Response:
    items = _kept().input_items(response_id)
    page = load_payload(_PAGE_SCHEMA, request.args.to_dict())
    return jsonify(page_of(items, **page))


@blueprint.post("/responses/<response_id>/cancel")
@operation("Refused, for no response runs in the background", errors=(400,))
def cancel_response(response_id: str) -> Response:
    _kept().response(response_id)
    raise InvalidRequest("Cannot cancel a synchronous response.", param="response_id")
