"""The checker's process: what nobody can interrupt costs no other client anything."""

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
import requests

from app.core.conversation import OutputFormat
from app.core.json_output.verdict import Verdict
from app.relay.checker import Checker
from tests.conftest import KEY
from tests.servers import Server

PATTERN = "^(a|a)*$"
VICTIM = "a" * 40 + "b"
LONGEST_SECONDS = 15.0
LONGEST_GAP_SECONDS = 2.0
LONGEST_WORK_SECONDS = 0.25
"""Of processor time between two turns of the other greenlet: what a busy machine cannot fake."""


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    checker = Checker()
    yield checker
    checker.close()


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """As a worker at its start: else the collector looks through all that pytest holds."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def neighbour() -> Iterator[None]:
    """Another greenlet, which must never wait; and each check ends in time."""
    gaps, work = [0.0], [0.0]

    def tick() -> None:
        last, worked = time.monotonic(), time.thread_time()
        while True:
            gevent.sleep(0.005)
            gaps.append(time.monotonic() - last)
            work.append(time.thread_time() - worked)
            last, worked = time.monotonic(), time.thread_time()

    started = time.monotonic()
    greenlet = gevent.spawn(tick)
    yield
    greenlet.kill()
    assert max(gaps) < LONGEST_GAP_SECONDS
    assert max(work) < LONGEST_WORK_SECONDS
    assert time.monotonic() - started < LONGEST_SECONDS


def settle(checker: Checker, text: str, schema: dict[str, Any] | None = None) -> Verdict:
    return checker.settle(text, OutputFormat(schema))


def properties(count: int) -> dict[str, Any]:
    return {"properties": {f"p{number}": {"type": "string"} for number in range(count)}}


def exponential() -> dict[str, Any]:
    """Each level asks twice what the next one says."""
    levels = {
        f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(60)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**levels, "d60": {"type": "string"}}}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_it_works(checker: Checker) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert checker.fault_of(schema) is None
    assert settle(checker, 'Here: {"a": 1}', schema) == Verdict('{"a": 1}')
    assert settle(checker, "none", None) == Verdict("none", ("$: the answer is not JSON",), False)
    [violation] = settle(checker, '{"a": "x"}', schema).violations
    assert violation == '$.a: "x" is not of type "integer"'
    assert "objekt" in (checker.fault_of({"type": "objekt"}) or "")


def test_a_catastrophic_pattern_takes_no_time(checker: Checker) -> None:
    assert settle(checker, f'"{VICTIM}"', {"pattern": PATTERN}).violations
    assert settle(checker, f'{{"{VICTIM}": 1}}', {"patternProperties": {PATTERN: {}}}).is_json


@pytest.mark.parametrize("schema", [properties(200_000), deep(20_000)])
def test_a_schema_that_takes_too_long_is_refused(checker: Checker, schema: Any) -> None:
    try:
        fault = checker.fault_of(schema)
    except (RecursionError, TypeError):  # orjson writes no such depth; the reader refuses it first
        return
    assert fault is not None
    assert checker.fault_of({}) is None, "the next one is checked again"


def test_an_answer_that_takes_too_long_is_unchecked(checker: Checker) -> None:
    assert settle(checker, "1", exponential()).unchecked
    assert settle(checker, '{"a": 1}') == Verdict('{"a": 1}')


@pytest.mark.parametrize(
    "unit",
    ["{", "{}", "{ ", '{"', '{"a":}', '{"a":1,}', "[1", '"\\"', "\\", "```\n", "`", "“{“"]
    + ["{a: b, ", '{"a": "x, ', "{'a': ", "//", "{/*", "[[],", '{"a":1}\n', '"', "(", "\n"],
)
@pytest.mark.parametrize("before", ["", '{"a": "', '{"a": ('])
def test_any_half_megabyte(checker: Checker, unit: str, before: str) -> None:
    text = before + unit * (500_000 // len(unit))
    verdict = settle(checker, text, {"type": "array", "minItems": 3})
    assert verdict.unchecked or verdict.violations or verdict.is_json
    assert settle(checker, "[1]", {"type": "array"}) == Verdict("[1]")


def test_a_large_answer_is_checked(checker: Checker) -> None:
    text = '{"a": "' + "x" * 5_000_000 + '"}'
    assert settle(checker, text) == Verdict(text)


def test_whoever_leaves_spoils_nothing_for_the_next(checker: Checker) -> None:
    gone = gevent.spawn(settle, checker, "1", exponential())
    gevent.sleep(0.02)
    gone.kill()
    assert settle(checker, '{"a": 1}') == Verdict('{"a": 1}')


def test_a_process_that_was_killed_is_started_again(checker: Checker) -> None:
    settle(checker, "{}")
    assert checker._process is not None
    checker._process._process.kill()
    assert settle(checker, "{}").unchecked
    assert settle(checker, "{}") == Verdict("{}")


FORMATS: dict[str, tuple[str, str, Callable[[Any], dict[str, Any]]]] = {
    "chat": (
        "/v1/chat/completions",
        "response_format.json_schema.schema",
        lambda schema: {
            "messages": [{"role": "user", "content": "x"}],
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
        },
    ),
    "messages": (
        "/v1/messages",
        "output_config.format.schema",
        lambda schema: {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "x"}],
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        },
    ),
    "responses": (
        "/v1/responses",
        "text.format.schema",
        lambda schema: {
            "input": "x",
            "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
        },
    ),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", FORMATS)
@pytest.mark.parametrize("schema", [{"type": 5}, {"pattern": "(?=a)"}, properties(100_000)])
def test_a_schema_that_cannot_be_used_is_a_400_that_names_it(
    gateway: Server, dialect: str, schema: Any, stream: bool
) -> None:
    path, param, body = FORMATS[dialect]
    answer = requests.post(
        gateway.url + path,
        json={"model": "demo-echo", "stream": stream, **body(schema)},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    assert answer.status_code == 400
    assert param in answer.json()["error"]["message"]


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 502)])
def test_an_unchecked_answer_is_told_so_or_refused(
    gateway: Server, strict: bool, status: int
) -> None:
    format_ = {"type": "json_schema", "json_schema": {"schema": exponential(), "strict": strict}}
    answer = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={
            "model": "demo-echo",
            "messages": [{"role": "user", "content": "7"}],
            "response_format": format_,
        },
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    assert answer.status_code == status
    if strict:
        assert "too long" in answer.json()["error"]["message"]
    else:
        assert "too long" in answer.headers["x-poegate-warning"]
        assert answer.json()["choices"][0]["message"]["content"] == "7"
