"""JSON in what bots write, on literal answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import Message, OutputFormat, Query, Text, ToolChoice, ToolSpec
from app.core.json_output.instruct import complain, instruct
from app.core.json_output.settle import settle_json
from app.core.json_output.verdict import Verdict

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD = '{"name": "Bob",  "age": 3}'


def settle(text: str, schema: dict[str, Any] | None = None) -> Verdict:
    return settle_json(text, {"type": "object"} if schema is None else schema)


def test_it_works() -> None:
    assert settle(GOOD, PERSON) == Verdict(GOOD)
    assert settle('{"name": "Bob", "age": "x"}', PERSON).violations == (
        '$.age: "x" is not of type "integer"',
    )


# What bots write


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n\n",
        f"\ufeff{GOOD}",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f"~~~\n{GOOD}\n~~~",
        f"Sure! Here it is:\n\n```json\n{GOOD}\n```\n\nAnything else? {{smile}}",
        f"The answer is {GOOD}. I hope that helps.",
        f'For example {{"name": "x", "age": 0}}. The answer: {GOOD}',
        f'Not {{"name": "x"}} but {GOOD}, see {{"note": 1}} and [1].',
        f"The form {{name}} of [a link](https://example.com) [x] [ ] gives {GOOD}",
        f'I answer as {{"name": ..., "age": ...}}:\n{GOOD}',
        f"{GOOD} and {{}}",
        f"<answer>{GOOD}</answer>",
        f"// the person\n{GOOD}",
    ],
)
def test_json_in_the_answer_is_given_as_it_was_written(text: str) -> None:
    assert settle(text, PERSON) == Verdict(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "{'name': 'Bob', 'age': 3}",
        '{"name": "Bob", "age": 3,}',
        '{name: "Bob", age: 3}',
        '{"name": "Bob" "age": 3}',
        '{"name": "Bob", "age": 3',
        '```json\n{"name": "Bob", "age": 3\n```\nThat is {"all": 1} of it.',
        '{"name": "Bob", // his name\n "age": 3}',
        "{“name”: “Bob”, “age”: 3}",
        'Here: {"name": "Bob", "age": 3,}. Done.',
        '{"name": "Bob, "age": 3}',
    ],
)
def test_slightly_broken_json_is_mended(text: str) -> None:
    verdict = settle(text, PERSON)
    assert verdict == Verdict('{"name": "Bob", "age": 3}')


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('{"a": "he said "hi" to me"}', {"a": 'he said "hi" to me'}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ('{"a": {"b": 2},}', {"a": {"b": 2}}),
        ('{"a": {"b": 1}, "c": [1,', {"a": {"b": 1}, "c": [1]}),
        ('{"ä": "ü",}', {"ä": "ü"}),
    ],
)
def test_mending_keeps_the_whole(text: str, mended: Any) -> None:
    """Above all, no valid part of a broken object is taken for the answer."""
    verdict = settle(text)
    assert not verdict.violations
    assert json.loads(verdict.text) == mended


@pytest.mark.parametrize("text", ["", "no", "{", "[x]", "{name}", "I cannot do that.", "```\n```"])
def test_no_json(text: str) -> None:
    assert settle(text, PERSON) == Verdict(text, ("$: the answer is not JSON",), is_json=False)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("[1]", 'is not of type "object"'),
        ('"x"', 'is not of type "object"'),
        ('[{"a": 1}, {"a": 2}]', 'is not of type "object"'),
        ('{"a": 1e400}', "is not JSON"),
    ],
)
def test_json_object_must_be_an_object(text: str, ends: str) -> None:
    verdict = settle(text)
    assert verdict.text == text
    assert [violation[-len(ends) :] for violation in verdict.violations] == [ends]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_json_is_not_given(constant: str) -> None:
    verdict = settle(f'{{"age": {constant}}}', {"properties": {"age": {"type": "number"}}})
    assert verdict.violations
    json.loads(verdict.text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("text", "schema", "given"),
    [
        ("42", {"type": "integer"}, "42"),
        ("```\n42\n```", {"type": "integer"}, "42"),
        ('It is:\n```json\n"yes"\n```', {"enum": ["yes", "no"]}, '"yes"'),
        ("[1, 2]", {"type": "array"}, "[1, 2]"),
        ("See [1, 2].", {"type": "array", "minItems": 2}, "[1, 2]"),
        ("null", {}, "null"),
    ],
)
def test_values_that_are_no_object(text: str, schema: dict[str, Any], given: str) -> None:
    assert settle(text, schema) == Verdict(given)


def test_of_bad_pieces_the_longest_comes_nearest() -> None:
    text = 'As in [1]: {"name": "Bob", "age": "x"} {"z": 1}'
    assert settle(text, PERSON) == Verdict(
        '{"name": "Bob", "age": "x"}', ('$.age: "x" is not of type "integer"',)
    )


def test_violations_are_few_and_short() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    verdict = settle(json.dumps(["x" * 10_000] * 50), schema)
    assert len(verdict.violations) == 10
    assert all(len(violation) < 400 for violation in verdict.violations)
    assert verdict.violations[3].startswith('$[3]: "xxx')
    assert verdict.violations[3].endswith('is not of type "integer"')


PIECES = st.lists(
    st.sampled_from(
        [*"{}[]\",:\\/*#'“” \n", "```", '"a"', "1", "-", "true", "NaN", "x", GOOD, "é"]
    ),
    max_size=30,
).map("".join)


@given(PIECES | st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    verdict = settle(text)
    if not verdict.violations:
        assert isinstance(json.loads(verdict.text, parse_constant=pytest.fail), dict)


JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSONS), st.booleans(), st.none() | st.integers(0, 4))
def test_any_object_passes_untouched(
    value: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert settle(text) == Verdict(text)
    if value:
        assert settle(f"So:\n```json\n{text}\n```\nBye.") == Verdict(text)


# What the bot is told


def query_of(*messages: Message, **fields: Any) -> Query:
    return Query("m", "b", messages, **fields)


USER = Message("user", (Text("hi"),))


def test_without_an_output_format_nothing_is_written() -> None:
    query = query_of(USER)
    assert instruct(query) is query


def test_the_schema_is_written_into_a_new_system_prompt() -> None:
    schema = {"type": "object", "description": "Größe"}
    asked = instruct(query_of(USER, output_format=OutputFormat(schema)))
    assert [message.role for message in asked.messages] == ["system", "user"]
    [part] = asked.messages[0].parts
    assert isinstance(part, Text)
    assert part.text.startswith("Answer with JSON only")
    assert part.text.endswith('{"type": "object", "description": "Größe"}')


def test_the_instruction_follows_the_first_system_prompt() -> None:
    system = Message("system", (Text("Be kind."),))
    asked = instruct(query_of(USER, system, system, output_format=OutputFormat()))
    assert [message.role for message in asked.messages] == ["user", "system", "system"]
    assert asked.messages[1].parts[0] == Text("Be kind.")
    assert "one JSON object." in str(asked.messages[1].parts[1])
    assert asked.messages[2] == system


def test_tools_are_called_all_the_same() -> None:
    def instruction(choice: ToolChoice) -> str:
        query = query_of(output_format=OutputFormat(), tools=(ToolSpec("t"),), tool_choice=choice)
        return str(instruct(query).messages[0].parts[0])

    assert "tool" in instruction(ToolChoice())
    assert "tool" not in instruction(ToolChoice("none"))


def test_the_bot_is_told_every_violation() -> None:
    told = complain(('$.a: 1 is not of type "string"', "$: 'b' is a required property"))
    assert "- $.a: 1 is not of type \"string\"\n- $: 'b' is a required property\n" in told
