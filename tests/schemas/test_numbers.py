"""Numbers that JSON can carry and no float can hold, in every field that takes a number."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

from app import dialects, schemas
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
