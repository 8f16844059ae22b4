"""Schemas that nobody should trust: which can be used, what they say, and how long it takes."""

import json
import time
from typing import Any

import pytest

from app.core.conversation import OutputFormat
from app.core.json_output.settle import Verdict, check_schema, settle_json

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
DRAFTS = [
    "http://json-schema.org/draft-03/schema#",
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
]
CATASTROPHE = "^(a|a)*$"
VICTIM = "a" * 40 + "b"


def settle(text: str, schema: dict[str, Any] | None = None) -> Verdict:
    return settle_json(text, OutputFormat(schema))


def violations(value: Any, schema: dict[str, Any]) -> tuple[str, ...]:
    assert check_schema(schema) is None
    return settle(json.dumps(value), schema).violations


def test_the_path_names_odd_keys() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    assert violations({"a b": 1}, schema) == ("$['a b']: 1 is not of type 'string'",)


# What a schema may be


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "$.type: 'objekt'"),
        ({"properties": {"a": {"required": "b"}}}, "$.properties.a.required: 'b' is not of type"),
        ({"$schema": 5}, "$['$schema']: 5 is not"),
        ({"pattern": "("}, "'(' is not a 'regex' (missing )"),
        ({"patternProperties": {"[": {}}}, "'[' is not a 'regex'"),
        ({"pattern": "a{100000000}"}, "too large"),
        ({"pattern": "((x{100}){100}){1000}"}, "too large"),
        ({"$ref": "https://example.com/schema"}, "'https://example.com/schema' leads nowhere"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "'file:///etc/passwd' leads nowhere"),
        ({"$ref": "#/$defs/none"}, "'#/$defs/none' leads nowhere"),
        ({"$dynamicRef": "#none"}, "'#none' leads nowhere"),
        ({"unevaluatedProperties": False, "patternProperties": {"a": {}}}, "not supported"),
    ],
)
def test_a_schema_that_cannot_be_used(schema: dict[str, Any], words: str) -> None:
    fault = check_schema(schema)
    assert fault and words in fault


@pytest.mark.parametrize(
    "schema",
    [
        {},
        PERSON,
        {"$schema": "https://example.com/unknown"},
        {"pattern": r"^[\p{L}\d_-]{1,64}$"},
        {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        {"properties": {"$ref": {"type": "string"}}},
        {"$ref": "#/definitions/A", "definitions": {"A": {"type": "object"}}},
        {"$id": "https://example.com/x", "$ref": "x#/$defs/a", "$defs": {"a": {}}},
        {"$defs": {"a": {"$anchor": "b"}}, "items": {"$ref": "#b"}},
        {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"},
    ],
)
def test_a_schema_that_can(schema: dict[str, Any]) -> None:
    assert check_schema(schema) is None
    assert settle("[[], []]", schema).text == "[[], []]"


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_draft(draft: str) -> None:
    schema = {"$schema": draft, "properties": {"a": {"type": "integer"}, "b": {"$ref": "#"}}}
    assert violations({"a": 1, "b": {"a": 2}}, schema) == ()
    assert violations({"b": {"a": "x"}}, schema) == ("$.b.a: 'x' is not of type 'integer'",)


def test_the_draft_is_the_one_that_is_named() -> None:
    array = {"items": [{"type": "integer"}]}
    assert violations(["x"], {"$schema": DRAFTS[3], **array})
    assert check_schema(array)
    assert violations(["x"], {"prefixItems": array["items"]})
    assert not violations(["x"], {"$schema": DRAFTS[3], "prefixItems": array["items"]})


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("connected"))
    schema = {"$ref": "#/hidden", "hidden": {"$ref": "http://127.0.0.1:9/schema"}}
    assert settle("1", schema).violations[0].startswith("$: it cannot be checked")


@pytest.mark.parametrize(
    "hidden",
    [5, [1], {"type": 5}, {"type": "q"}, {"$schema": 5}, {"required": 5}, {"maxProperties": "x"}],
)
def test_a_reference_to_what_is_no_schema_is_a_violation(hidden: Any) -> None:
    verdict = settle('{"a": 1}', {"$ref": "#/hidden", "hidden": hidden})
    assert verdict.violations[0].startswith("$: it cannot be checked")


# The keywords that are done otherwise than in jsonschema


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("abc", {"pattern": "b"}, ()),
        ("abc", {"pattern": "^b"}, ("$: 'abc' does not match '^b'",)),
        (5, {"pattern": "^b"}, ()),
        ({"ab": 1}, {"patternProperties": {"^a": {"type": "integer"}}}, ()),
        (
            {"ab": 1},
            {"patternProperties": {"^a": {"type": "string"}}},
            ("$.ab: 1 is not of type 'string'",),
        ),
        (
            {"p": 1, "ab": 1, "x": 1},
            {
                "properties": {"p": {}},
                "patternProperties": {"^a": {}},
                "additionalProperties": False,
            },
            ("$: Additional properties are not allowed ('x' was unexpected)",),
        ),
        ([1, 1.0], {"uniqueItems": True}, ("$: [1, 1.0] has non-unique elements",)),
        ([1, True, "1", [1], [True], {"a": 1}, {"a": True}, {}, []], {"uniqueItems": True}, ()),
        ([{"a": 1, "b": [0]}, {"b": [0.0], "a": 1}], {"uniqueItems": False}, ()),
        (
            {"a": 1, "b": 2},
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            ("$: Unevaluated properties are not allowed ('b' was unexpected)",),
        ),
    ],
)
def test_keywords(value: Any, schema: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert violations(value, schema) == expected


# Time


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time for each check, and a test that fails where it is not kept."""
    monkeypatch.setattr("app.core.json_output.bounded_schema.SECONDS", 0.1)


@pytest.mark.usefixtures("hurry")
class TestBoundedTime:
    @pytest.fixture(autouse=True)
    def clock(self) -> Any:
        started = time.monotonic()
        yield
        assert time.monotonic() - started < 3

    @pytest.mark.parametrize("draft", DRAFTS)
    def test_a_catastrophic_pattern(self, draft: str) -> None:
        """Also behind a reference to a schema that has a ``$schema``."""
        schema = {"$schema": draft, "pattern": CATASTROPHE, "properties": {"a": {"$ref": "#"}}}
        assert violations({"a": VICTIM}, schema) == ("$: it takes too long to check",)

    @pytest.mark.parametrize("more", [{}, {"additionalProperties": False}])
    def test_a_catastrophic_pattern_for_names(self, more: dict[str, Any]) -> None:
        schema = {"patternProperties": {CATASTROPHE: {}}, **more}
        assert violations({VICTIM: 1}, schema) == ("$: it takes too long to check",)

    def test_exponential_references(self) -> None:
        schema: dict[str, Any] = {
            f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)
        }
        schema = {"$ref": "#/$defs/d0", "$defs": {**schema, "d40": {}}}
        assert violations(1, schema) == ("$: it takes too long to check",)

    @pytest.mark.parametrize(
        "schema", [{"$ref": "#"}, {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}]
    )
    def test_endless_references(self, schema: dict[str, Any]) -> None:
        assert violations(1, schema) == ("$: it is nested too deeply",)

    def test_a_deep_schema(self) -> None:
        schema: dict[str, Any] = {}
        for _ in range(5_000):
            schema = {"items": schema}
        assert check_schema(schema) == "The schema is nested too deeply."

    @pytest.mark.parametrize("unit", ["[", '{"a":', '[{"a":'])
    @pytest.mark.parametrize("schema", [None, {"items": {"$ref": "#"}}])
    @pytest.mark.parametrize("depth", [100, 400, 900, 5_000, 100_000])
    def test_a_deep_answer(self, unit: str, schema: dict[str, Any] | None, depth: int) -> None:
        closed = unit[::-1].translate(str.maketrans("[{", "]}", '":a'))
        settle(unit * depth, schema)
        settle(unit * depth + "1" + closed * depth, schema)

    def test_a_large_answer_with_unique_items(self) -> None:
        assert violations([{"a": number} for number in range(3_000)], {"uniqueItems": True}) == ()

    def test_a_large_answer_with_unevaluated_members(self) -> None:
        names = dict.fromkeys(map(str, range(50_000)), 1)
        assert violations(names, {"unevaluatedProperties": False})
        assert violations(list(names), {"unevaluatedItems": False})

    @pytest.mark.parametrize(
        "unit",
        ["{", "{}", "{ ", '{"', '{"a":}', '{"a":1,}', "[1", '"\\"', "\\", "```\n", "`", "“{“"]
        + ["{a: b, ", '{"a": "x, ', "{'a': ", "//", "{/*", "[[],", '{"a":1}\n', '"', "(", "\n"],
    )
    @pytest.mark.parametrize("before", ["", '{"a": "', '{"a": ('])
    def test_any_half_megabyte(self, unit: str, before: str) -> None:
        text = before + unit * (500_000 // len(unit))
        settle(text, {"type": "array", "minItems": 3})

    def test_numbers_beyond_a_double(self) -> None:
        settle("1" + "0" * 400, {"multipleOf": 0.1})
        settle('{"a": ' + "9" * 10_000 + "}")
        assert settle("1e999", {"type": "number"}).violations
