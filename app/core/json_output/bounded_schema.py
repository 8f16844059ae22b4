"""The drafts of JSON Schema, as jsonschema knows them, in bounded time and without the network.

ECMA's regular expressions are read as the regex module reads them, for it can be told to stop.
"""

import math
import re
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import regex
from jsonschema import FormatChecker, validators  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

SECONDS = 3.0
"""One schema, or one answer with all its pieces, may take that long to check."""

MAX_PATTERNS = 500
MAX_PATTERN_NODES = 20_000
MAX_UNEVALUATED = 2_000
"""jsonschema takes quadratic time for the unevaluated members of an object or array."""


@dataclass(slots=True)
class Work:
    """What one check may still take, and the patterns that it has compiled."""

    deadline: float = math.inf
    patterns: dict[str, regex.Pattern[str]] = field(default_factory=dict)

    def go_on(self) -> None:
        """Raises TimeoutError where the time is over."""
        if time.monotonic() > self.deadline:
            raise TimeoutError

    def search(self, pattern: str, text: str) -> bool:
        """Whether the pattern is in the text. Python's own re would search for ever."""
        if pattern not in self.patterns:
            if len(self.patterns) >= MAX_PATTERNS:
                self.patterns.clear()
            self.patterns[pattern] = _compile(pattern)
        left = min(max(self.deadline - time.monotonic(), 0.001), SECONDS)
        return bool(self.patterns[pattern].search(text, timeout=left, concurrent=True))


_NO_LIMIT = Work()
_work: ContextVar[Work] = ContextVar("work", default=_NO_LIMIT)


def work() -> Work:
    """The check that is under way."""
    return _work.get()


@contextmanager
def limited_time() -> Iterator[None]:
    """SECONDS, from now on, for all that is checked inside."""
    token = _work.set(Work(time.monotonic() + SECONDS))
    try:
        yield
    finally:
        _work.reset(token)


_COUNTED = re.compile(r"(\)?)\{(\d+)")


def _compile(pattern: str) -> regex.Pattern[str]:
    """Raises regex.error, also where the compiled pattern would be too large.

    regex unrolls counted repeats: ``(a{1000}){1000}`` would fill the memory.
    """
    counts = [(group, int(number[:9])) for group, number in _COUNTED.findall(pattern)]
    groups = math.prod(max(number, 1) for group, number in counts if group)
    nodes = len(pattern) * groups * max([1, *(number for group, number in counts if not group)])
    if nodes > MAX_PATTERN_NODES:
        raise regex.error("the pattern is too large")
    return regex.compile(pattern, cache_pattern=False)


SCHEMA_FORMATS = FormatChecker(formats=())


@SCHEMA_FORMATS.checks("regex", raises=(regex.error, RecursionError))  # type: ignore[untyped-decorator]
def _is_pattern(value: object) -> bool:
    return not isinstance(value, str) or bool(_compile(value))


def _in_time(keyword: Callable[..., Any]) -> Callable[..., Any]:
    """Each step of a validation looks at the clock: references can make it exponential."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        work().go_on()
        return keyword(validator, value, instance, schema)

    return check


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "string") and not work().search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, inner in value.items():
            for name in _matching(instance, [pattern]):
                yield from validator.descend(instance[name], inner, name, pattern)


def _additional_properties(keyword: Callable[..., Any]) -> Callable[..., Any]:
    """jsonschema's own, to which the properties that match a pattern are ``properties`` as well."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if "patternProperties" in schema and validator.is_type(instance, "object"):
            known = dict.fromkeys(_matching(instance, schema["patternProperties"]))
            schema = {"properties": {**schema.get("properties", {}), **known}}
        return keyword(validator, value, instance, schema)

    return check


def _matching(instance: dict[str, Any], patterns: Iterable[str]) -> list[str]:
    search = work().search
    return [name for name in instance if any(search(pattern, name) for pattern in patterns)]


def _unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if value and validator.is_type(instance, "array"):
        if len(set(map(_identity, instance))) < len(instance):
            yield ValidationError(f"{instance!r} has non-unique elements")


def _identity(value: Any) -> Hashable:
    """The same for equal JSON values, and only for them: 1 is 1.0, but not true."""
    match value:
        case dict():
            return frozenset((name, _identity(item)) for name, item in value.items())
        case list():
            return tuple(map(_identity, value))
        case bool():
            return bool, value
    return value  # type: ignore[no-any-return]


def _of_few(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if isinstance(instance, dict | list) and len(instance) > MAX_UNEVALUATED:
            raise TimeoutError
        return keyword(validator, value, instance, schema)

    return check


_REPLACED: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "pattern": lambda _: _pattern,
    "patternProperties": lambda _: _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": lambda _: _unique_items,
    "unevaluatedItems": _of_few,
    "unevaluatedProperties": _of_few,
}


def _bounded(version: str, draft: Any) -> Any:
    """The draft with these keywords.

    It is registered for its ``$schema``: jsonschema changes to the class registered so wherever it
    meets a ``$schema``, also at the end of a reference.
    """
    keywords = dict(draft.VALIDATORS)
    for name in _REPLACED.keys() & keywords.keys():
        keywords[name] = _REPLACED[name](keywords[name])
    timed = {name: _in_time(keyword) for name, keyword in keywords.items()}
    return validators.extend(draft, timed, version=version)


_KINDS = {
    version: _bounded(version, draft)
    for version, draft in {
        "draft3": validators.Draft3Validator,
        "draft4": validators.Draft4Validator,
        "draft6": validators.Draft6Validator,
        "draft7": validators.Draft7Validator,
        "draft2019-09": validators.Draft201909Validator,
        "draft2020-12": validators.Draft202012Validator,
    }.items()
}


def kind_of(schema: Mapping[str, Any]) -> Any:
    default = _KINDS["draft2020-12"]
    dialect = schema.get("$schema")
    return validators.validator_for(schema, default) if isinstance(dialect, str) else default
