"""POST /chat/completions."""

from flask import Blueprint, Response, jsonify, request

from app.api.described import BOT_ERRORS, operation
from app.api.files import with_files
from app.api.house import house, read_json
from app.api.request_record import current_record
from app.api.sse import stream_answer, whole_answers
from app.choices import answer_side_by_side
from app.dialects import chat
from app.dialects.chat_query import parse
from app.schemas.answers.chat import ChatCompletionSchema
from app.schemas.chat import ChatSchema
from app.schemas.loading import load_payload

blueprint = Blueprint("chat", __name__)
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
    lease = house().gatekeeper.lease(request)
    payload = load_payload(_SCHEMA, read_json())
    query = with_files(parse(payload, house().settings.bot_named), lease)
    current_record().model = query.model
    envelope = chat.new_envelope("chatcmpl", query.model, functions=bool(payload["functions"]))
    streaming, choices = bool(payload["stream"]), payload["n"] or 1
    reply = answer_side_by_side(house().relay, [query] * choices, lease, streaming=streaming)
    if not streaming:
        return jsonify(chat.render(whole_answers(reply, choices), envelope))
    include_usage = bool((payload["stream_options"] or {}).get("include_usage"))
    encoder = chat.Encoder(envelope, include_usage=include_usage, choices=choices)
    return stream_answer(reply, encoder, house().settings)
