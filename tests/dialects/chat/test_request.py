"""Chat Completions, the way in, without a socket."""

from typing import Any

import pytest

from app.core.conversation import OutputFormat, Query
from app.dialects.chat.request import parse
from app.dialects.chat.schemas import ChatSchema
from app.schemas.loading import load_payload

HELLO: Any = [{"role": "user", "content": "hello"}]


def parsed(**fields: Any) -> Query:
    return parse(load_payload(ChatSchema(), {"model": "m", "messages": HELLO, **fields}), str)


@pytest.mark.parametrize("unlimited", [-1, -2, "", None])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_what_clients_send_for_no_limit(name: str, unlimited: Any) -> None:
    query = parsed(**{name: unlimited})
    assert query.max_tokens is None and query.parameters == {}


@pytest.mark.parametrize("stop", [None, "", [], [""]])
def test_an_empty_stop_is_none(stop: Any) -> None:
    assert parsed(stop=stop).stop == ()
    assert parsed(stop=["", "END"]).stop == ("END",)


@pytest.mark.parametrize("seed", [-1, 0, 2**63 - 1, -(2**63)])
def test_a_seed_of_64_bits_is_taken(seed: int) -> None:
    assert parsed(seed=seed).parameters == {}


@pytest.mark.parametrize(
    ("thinking", "parameters"),
    [
        ({"type": "enabled", "budget_tokens": 2048}, {"thinking_budget": 2048}),
        ({"budget_tokens": 5}, {"thinking_budget": 5}),
        ({"type": "disabled"}, {}),
        ({"type": "adaptive"}, {}),
        (None, {}),
        (True, {"thinking": True}),
    ],
)
def test_a_budget_for_thinking(thinking: Any, parameters: dict[str, Any]) -> None:
    assert parsed(thinking=thinking).parameters == parameters


def test_the_bots_own_parameter_goes_first() -> None:
    query = parsed(thinking={"budget_tokens": 5}, thinking_budget=9)
    assert query.parameters == {"thinking_budget": 9}


def test_json_object_with_a_schema() -> None:
    schema = {"type": "object", "required": ["a"]}
    query = parsed(response_format={"type": "json_object", "schema": schema})
    assert query.output_format == OutputFormat(schema, param="response_format.schema")
    plain = parsed(response_format={"type": "json_object"}).output_format
    assert plain is not None and plain.schema is None and not plain.strict
