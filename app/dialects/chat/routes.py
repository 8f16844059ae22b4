"""POST /chat/completions."""

from flask import Blueprint, Response, jsonify, request

from app.dialects.chat import response as chat
from app.dialects.chat.answers import ChatCompletionSchema
from app.dialects.chat.request import parse
from app.dialects.chat.schemas import ChatSchema
from app.http.operations import BOT_ERRORS, operation
from app.http.request_log import current_record
from app.http.services import read_json, services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.relay.parallel import answer_in_parallel
from app.schemas.loading import load_payload

blueprint = Blueprint("chat", __name__)
FORMAT = WireFormat(blueprint)
_SCHEMA = ChatSchema()


@blueprint.post("/chat/completions")
@operation(
    "OpenAI's Chat Completions",
    ChatCompletionSchema,
    body=ChatSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def create_chat_completion() -> Response:
    lease = services().gatekeeper.lease(request)
    payload = load_payload(_SCHEMA, read_json())
    query = with_files(parse(payload, services().settings.bot_named), lease)
    current_record().model = query.model
    envelope = chat.new_envelope("chatcmpl", query.model, functions=bool(payload["functions"]))
    streaming, choices = bool(payload["stream"]), payload["n"] or 1
    reply = answer_in_parallel(services().relay, [query] * choices, lease, streaming=streaming)
    if not streaming:
        return jsonify(chat.render(whole_answers(reply, choices), envelope))
    include_usage = bool((payload["stream_options"] or {}).get("include_usage"))
    encoder = chat.Encoder(envelope, include_usage=include_usage, choices=choices)
    return stream_answer(reply, encoder, services().settings)
