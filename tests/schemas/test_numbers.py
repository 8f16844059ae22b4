"""Numbers that JSON can carry and no float can hold, in every field that takes a number."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from marshmallow import Schema, ValidationError, fields

from app import dialects, schemas
from app.dialects.chat.schemas import ChatSchema
from app.dialects.messages.schemas import MessagesSchema
from app.dialects.videos.schemas import Seconds

HUGE = 10**400


def modules() -> Iterator[Any]:
    """All that say what a request may hold."""
    for package in (dialects, schemas):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "schemas" in module.name and not module.name.endswith("answers"):
                yield importlib.import_module(module.name)


def number_fields() -> dict[str, Any]:
    """By the names of their schemas and their own."""
    found: dict[str, Any] = {}
    for module in modules():
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
        for kind in kinds:
            if not issubclass(kind, Schema) or kind.__module__ != module.__name__:
                continue
            for name, field in kind().fields.items():
                inner = getattr(field, "value_field", None) or field
                if isinstance(inner, fields.Integer | fields.Float | Seconds):
                    found[f"{module.__name__}.{kind.__name__}.{name}"] = inner
    return found


FIELDS = number_fields()


def test_they_are_found() -> None:
    for name in ("ChatSchema.temperature", "ChatSchema.logit_bias"):
        assert f"app.dialects.chat.schemas.{name}" in FIELDS
    assert "app.dialects.videos.schemas.CreateVideoSchema.seconds" in FIELDS
    assert "app.schemas.paging.ModelsQuerySchema.limit" in FIELDS


@pytest.mark.parametrize(
    "value", [HUGE, -HUGE, 1e308, float("inf"), str(HUGE), "9" * 5_000, "1e999", "nan"]
)
@pytest.mark.parametrize("name", FIELDS)
def test_no_number_is_too_much(name: str, value: Any) -> None:
    """It is refused, or, where there is no limit, taken for the finite number that it is."""
    try:
        loaded = FIELDS[name].deserialize(value)
    except ValidationError:
        return
    assert abs(loaded) in (HUGE, int(1e308), 1e308)


@pytest.mark.parametrize("seed", [-(2**63) - 1, 2**63, -(2**64), 2**64, 10**30])
def test_an_integer_beyond_64_bits_is_not_taken_for_its_neighbour(seed: int) -> None:
    """orjson reads most of them as floats, which have lost their last digits."""
    read = orjson.loads(str(seed))
    with pytest.raises(ValidationError):
        ChatSchema(only=["seed"]).load({"seed": read})


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1, 0])
def test_an_integer_of_64_bits_is_taken(seed: int) -> None:
    assert ChatSchema(only=["seed"]).load({"seed": orjson.loads(str(seed))}) == {"seed": seed}


def test_a_top_k_of_all_tokens_is_none() -> None:
    schema = MessagesSchema(only=["top_k"])
    assert [schema.load({"top_k": value})["top_k"] for value in (-1, 0, 40, None)] == [
        None,
        0,
        40,
        None,
    ]
    for value in (-2, True, "", 1.5):
        with pytest.raises(ValidationError):
            schema.load({"top_k": value})
