"""Loading a payload through a schema that is narrowed to the fields that were sent."""

from typing import Any

import pytest
from marshmallow import Schema

from app.dialects.chat.schemas import ChatSchema
from app.dialects.messages.schemas import MessagesSchema
from app.dialects.responses.schemas import ResponsesSchema
from app.errors import InvalidRequest
from app.schemas.loading import load_payload

HELLO = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        (ChatSchema(), {"model": "bot", "messages": HELLO}),
        (ChatSchema(), {"model": "bot", "messages": HELLO, "stop": ["a"], "mine": 1, "n": None}),
        (MessagesSchema(), {"model": "bot", "messages": HELLO, "max_tokens": 5}),
        (ResponsesSchema(), {"model": "bot", "input": "hello", "stream": True}),
    ],
)
def test_nothing_but_time_is_saved(schema: Schema, payload: dict[str, Any]) -> None:
    assert load_payload(schema, payload) == schema.load(payload)
    assert load_payload(schema, payload) == schema.load(payload)


def test_what_is_required_stays_required() -> None:
    with pytest.raises(InvalidRequest, match="messages"):
        load_payload(ChatSchema(), {"model": "bot"})


def test_a_name_of_an_attribute_is_no_field() -> None:
    sent = {"model": "bot", "messages": HELLO, "fields": 1, "context": 2}
    assert load_payload(ChatSchema(), sent)["fields"] == 1
