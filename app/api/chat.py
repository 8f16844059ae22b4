"""POST /chat/completions."""

import time
import uuid

from flask import Blueprint, Response, jsonify, request

from app.api.house import house, read_json
from app.api.request_record import current_record
from app.api.sse import stream_answer, whole_answer
from app.dialects import chat
from app.schemas.chat import ChatSchema
from app.schemas.loading import load_payload

blueprint = Blueprint("chat", __name__)
_SCHEMA = ChatSchema()


@blueprint.post("/chat/completions")
def create_chat_completion() -> Response:
    lease = house().gatekeeper.lease(request)
    payload = load_payload(_SCHEMA, read_json())
    query = chat.parse(payload, house().settings.bot_named)
    current_record().model = query.model
    envelope = chat.Envelope(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), query.model)
    reply = house().relay.answer(query, lease, streaming=bool(payload["stream"]))
    if payload["stream"]:
        options = payload["stream_options"] or {}
        encoder = chat.Encoder(envelope, include_usage=bool(options.get("include_usage")))
        return stream_answer(reply, encoder, house().settings)
    return jsonify(chat.render(whole_answer(reply), envelope))
