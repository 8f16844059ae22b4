"""What is kept of responses: by any worker, after a restart, for nobody else, and not for ever."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai.types.responses import ResponseItemList

from app.config import Settings
from app.dialects.responses.kept import Kept
from app.errors import InvalidRequest
from app.state.store import Store
from tests.conftest import KEY
from tests.redis_server import running_redis
from tests.responses_stream import ask, check_response, events_in, streamed
from tests.servers import Server, free_port, running

OTHER = "another-key"


@pytest.fixture(scope="module")
def keeping(start_gateway: Callable[..., Server], tmp_path_factory: Any) -> Server:
    return start_gateway(STATE_DIR=str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def sdk(keeping: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{keeping.url}/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def call(
    gateway: Server, method: str, path: str, key: str = KEY, **options: Any
) -> requests.Response:
    return requests.request(
        method,
        f"{gateway.url}/v1/responses/{path}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
        **options,
    )


def text_of(response: dict[str, Any]) -> str:
    text: str = response["output"][-1]["content"][0]["text"]
    return text


def test_it_works(sdk: openai.OpenAI, keeping: Server) -> None:
    response = sdk.responses.create(model="demo-echo", input="one", metadata={"a": "b"})
    again = sdk.responses.retrieve(response.id)
    check_response(again.model_dump())
    assert again == response
    sdk.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError, match=response.id):
        sdk.responses.retrieve(response.id)
    assert call(keeping, "DELETE", response.id).status_code == 404


def test_delete_says_so(keeping: Server) -> None:
    name = ask(keeping).json()["id"]
    answer = call(keeping, "DELETE", name)
    assert answer.json() == {"id": name, "object": "response", "deleted": True}


def test_a_stream_is_kept_before_its_end_is_told(keeping: Server) -> None:
    response = streamed(keeping, input="one")
    assert call(keeping, "GET", response["id"]).json() == response
    incomplete = streamed(keeping, model="demo-story", max_output_tokens=3)
    assert call(keeping, "GET", incomplete["id"]).json() == incomplete


@pytest.mark.parametrize("stream", [False, True])
def test_nothing_is_kept_that_must_not_be(keeping: Server, stream: bool) -> None:
    if stream:
        response = streamed(keeping, store=False)
    else:
        response = ask(keeping, store=False).json()
    assert response["store"] is False
    assert call(keeping, "GET", response["id"]).status_code == 404
    item = {"type": "item_reference", "id": response["output"][0]["id"]}
    assert ask(keeping, input=[item]).status_code == 400


def test_the_conversation_goes_on(keeping: Server) -> None:
    """Three turns, each of which sends only what is new."""
    bot = "demo-agent"
    tools = [{"type": "function", "name": "add", "parameters": {"type": "object"}}]
    first = ask(keeping, model=bot, tools=tools, input="call add {}\nanswer well done").json()
    [_, made] = first["output"]
    result = {"type": "function_call_output", "call_id": made["call_id"], "output": "3"}
    second = streamed(
        keeping, model=bot, tools=tools, input=[result], previous_response_id=first["id"]
    )
    assert text_of(second) == "well done"
    assert second["previous_response_id"] == first["id"]
    third = ask(
        keeping, model=bot, tools=tools, input="and now?", previous_response_id=second["id"]
    ).json()
    assert text_of(third) == "Done. 3"


def test_instructions_hold_for_one_response(
    start_gateway: Callable[..., Server], tmp_path: Path, seen: Callable[[], Any]
) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    first = ask(gateway, model="count-1", input="one", instructions="Be kind.").json()
    ask(
        gateway,
        model="count-1",
        input="two",
        instructions="Be brief.",
        previous_response_id=first["id"],
    )
    told = [message["content"] for message in seen()["last"]["count-1"]["query"]]
    assert told == ["Be brief.", "one", "one:0 ", "two"]


def test_another_worker_and_a_restarted_one_go_on(
    start_gateway: Callable[..., Server], demo: Server, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    environ = {"STATE_DIR": state, "BOT_URLS": f"demo-*={demo.url}"}
    port = free_port()
    log = tmp_path / "gateway.log"
    with running(["-m", "gunicorn"], port, log, {**environ, "PORT": str(port)}) as gateway:
        first = ask(gateway, input="one").json()
    others = start_gateway(STATE_DIR=state, WEB_CONCURRENCY="2")
    for _ in range(6):
        assert call(others, "GET", first["id"]).json() == first
    second = ask(others, input="two", previous_response_id=first["id"]).json()
    with running(["-m", "gunicorn"], port, log, {**environ, "PORT": str(port)}) as gateway:
        assert call(gateway, "GET", second["id"]).json() == second
        listed = call(gateway, "GET", f"{second['id']}/input_items?order=asc").json()
    assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]


def test_another_key_finds_nothing(keeping: Server) -> None:
    response = ask(keeping).json()
    name = response["id"]
    for method, path in (
        ("GET", name),
        ("GET", f"{name}/input_items"),
        ("POST", f"{name}/cancel"),
        ("DELETE", name),
    ):
        assert call(keeping, method, path, OTHER).status_code == 404
    assert ask(keeping, key=OTHER, previous_response_id=name).status_code == 404
    item = {"type": "item_reference", "id": response["output"][0]["id"]}
    assert ask(keeping, key=OTHER, input=[item]).status_code == 400
    assert call(keeping, "GET", name).status_code == 200


def test_one_pool_of_keys_is_no_common_memory(
    start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    """Two clients with tokens of their own share the gateway's Poe keys, and nothing else."""
    gateway = start_gateway(
        STATE_DIR=str(tmp_path), POE_API_KEYS="one,two", ACCESS_TOKENS="ann,bob"
    )
    name = ask(gateway, key="ann").json()["id"]
    for _ in range(3):
        assert call(gateway, "GET", name, "ann").status_code == 200
        assert call(gateway, "GET", name, "bob").status_code == 404


def test_a_previous_response_that_is_not_there(keeping: Server) -> None:
    for stream in (False, True):
        answer = ask(keeping, previous_response_id="resp_none", stream=stream)
        error = answer.json()["error"]
        assert answer.status_code == 404
        assert (error["param"], error["code"]) == (
            "previous_response_id",
            "previous_response_not_found",
        )


def test_a_reference_to_an_item(keeping: Server) -> None:
    """The AI SDK sends earlier text and reasoning of the assistant by their ids."""
    first = ask(keeping, model="demo-reasoner", input="one").json()
    references = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    question = {"role": "user", "content": "one"}
    second = ask(keeping, input=[question, *references, {"role": "user", "content": "two"}])
    listed = call(keeping, "GET", f"{second.json()['id']}/input_items?order=asc").json()["data"]
    assert listed[1:3] == first["output"]
    # An item of the input, too, and one that came into a later response by its id.
    asked = {"type": "item_reference", "id": listed[0]["id"]}
    answer = ask(keeping, input=[asked])
    assert text_of(answer.json()) == "one"


def test_a_reference_to_nothing(keeping: Server) -> None:
    items = [{"role": "user", "content": "a"}, {"type": "item_reference", "id": "msg_none"}]
    for stream in (False, True):
        answer = ask(keeping, input=items, stream=stream)
        error = answer.json()["error"]
        assert answer.status_code == 400
        assert error["param"] == "input[1].id" and "msg_none" in error["message"]


def test_input_items_come_in_pages(sdk: openai.OpenAI, keeping: Server) -> None:
    items: Any = [{"role": "user", "content": f"number {number}"} for number in range(5)]
    response = sdk.responses.create(model="demo-echo", input=items, instructions="not listed")
    listed: Any = sdk.responses.input_items.list(response.id, limit=2)
    texts = [item.content[0].text for item in listed]
    assert texts == [f"number {number}" for number in reversed(range(5))]
    page = call(keeping, "GET", f"{response.id}/input_items?limit=3&order=asc").json()
    ResponseItemList.model_validate(page)
    assert len(page["data"]) == 3 and page["has_more"] is True
    rest = call(
        keeping,
        "GET",
        f"{response.id}/input_items",
        params={"order": "asc", "after": page["last_id"]},
    ).json()
    assert len(rest["data"]) == 2 and rest["has_more"] is False


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("after=msg_none", "after"),
    ],
)
def test_a_page_that_cannot_be(keeping: Server, query: str, param: str) -> None:
    name = ask(keeping).json()["id"]
    answer = call(keeping, "GET", f"{name}/input_items?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_what_is_done_cannot_be_cancelled_nor_streamed_again(sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model="demo-echo", input="one")
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        sdk.responses.cancel(response.id)
    with pytest.raises(openai.BadRequestError, match="background"):
        sdk.responses.retrieve(response.id, stream=True)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.cancel("resp_none")


def test_workers_on_several_machines_share_a_redis(
    start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    with running_redis(tmp_path) as url:
        one, other = (start_gateway(STATE_URL=url, STATE_DIR="/proc/none") for _ in range(2))
        first = ask(one, input="one").json()
        assert call(other, "GET", first["id"]).json() == first
        assert call(other, "GET", first["id"], OTHER).status_code == 404
        second = streamed(other, input="two", previous_response_id=first["id"])
        listed = call(one, "GET", f"{second['id']}/input_items?order=asc").json()
        assert [item["role"] for item in listed["data"]] == ["user", "assistant", "user"]
        assert call(one, "DELETE", first["id"]).status_code == 200
        assert call(other, "GET", first["id"]).status_code == 404
    assert text_of(ask(one, input="without Redis").json()) == "without Redis"
    assert call(one, "GET", second["id"]).status_code == 503


def test_a_store_that_cannot_be_written_costs_no_answer(
    start_gateway: Callable[..., Server],
) -> None:
    gateway = start_gateway(STATE_DIR="/proc/no/such/place")
    response = ask(gateway, input="one")
    assert text_of(response.json()) == "one"
    assert text_of(events_in(ask(gateway, input="two", stream=True).text)[-1]["response"]) == "two"
    assert call(gateway, "GET", response.json()["id"]).status_code == 503
    assert "not kept" in gateway.printed()


def test_what_could_not_be_kept_is_told(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(STATE_DIR="/proc/no/such/place")
    assert ask(gateway, input="one").json()["store"] is False
    events = events_in(ask(gateway, input="two", stream=True).text)
    assert events[0]["response"]["store"] is True
    assert events[-1]["response"]["store"] is False
    assert "not kept: resp_" in gateway.printed()


def test_a_turn_keeps_its_own_items_alone(
    start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    """A long session costs disk for its turns, and not for each turn all of them again."""
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    previous: str | None = None
    sizes = []
    for _ in range(8):
        previous = ask(gateway, input="x" * 20_000, previous_response_id=previous).json()["id"]
        sizes.append(sum(file.stat().st_size for file in (tmp_path / "kept").glob("*/*")))
    grown = [after - before for before, after in pairwise(sizes)]
    assert max(grown) < 1.1 * min(grown)
    listed = call(gateway, "GET", f"{previous}/input_items?limit=100").json()
    assert len(listed["data"]) == 15


def test_a_deleted_parent_keeps_its_items_while_children_live(keeping: Server) -> None:
    one = ask(keeping, input="one").json()["id"]
    two = ask(keeping, input="two", previous_response_id=one).json()["id"]
    three = ask(keeping, input="three", previous_response_id=two).json()["id"]
    for name in (one, two):
        assert call(keeping, "DELETE", name).status_code == 200
        assert call(keeping, "GET", name).status_code == 404
        assert call(keeping, "DELETE", name).status_code == 404
        assert ask(keeping, previous_response_id=name).status_code == 404
    listed = call(keeping, "GET", f"{three}/input_items?order=asc").json()["data"]
    assert [item["content"][0]["text"] for item in listed[::2]] == ["one", "two", "three"]
    assert ask(keeping, input="four", previous_response_id=three).status_code == 200


def kept_in(folder: Path) -> tuple[Store, Kept]:
    store = Store(Settings(state_dir=str(folder)))
    return store, Kept(store, "owner")


def turn(name: str, previous: str | None) -> tuple[list[Any], dict[str, Any]]:
    output = [{"type": "message", "id": f"out-{name}"}]
    response = {"id": name, "previous_response_id": previous, "output": output}
    return [{"type": "message", "id": f"in-{name}"}], response


def test_the_last_child_takes_deleted_ancestors_along(tmp_path: Path) -> None:
    store, kept = kept_in(tmp_path)
    for name, previous in (("a", None), ("b", "a"), ("c", "b"), ("d", "a")):
        assert kept.keep(*turn(name, previous))
    kept.forget("a")
    kept.forget("b")
    kept.forget("c")
    assert store.recall("owner", "b") is None and store.recall("owner", "c") is None
    assert [item["id"] for item in kept.items_until("d") or ()] == [
        "in-a",
        "out-a",
        "in-d",
        "out-d",
    ]
    kept.forget("d")
    assert store.recall("owner", "a") is None and store.recall("owner", "a/children") is None


def test_records_of_older_releases_are_read(tmp_path: Path) -> None:
    store, kept = kept_in(tmp_path)
    items, response = turn("old", "gone")
    store.write("owner", "old", {"response": response, "input": items})
    assert kept.keep(*turn("new", "old"))
    ids = [item["id"] for item in kept.items_until("new") or ()]
    assert ids == ["in-old", "out-old", "in-new", "out-new"]


def test_a_conversation_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.dialects.responses.kept.MAX_TURNS", 5)
    _, kept = kept_in(tmp_path)
    for number in range(6):
        kept.keep(*turn(str(number), str(number - 1) if number else None))
    assert kept.items_until("4") is not None
    with pytest.raises(InvalidRequest, match="more than 5 responses"):
        kept.items_until("5")


def test_using_a_response_renews_its_ancestors(tmp_path: Path) -> None:
    """They then have one age, their lists of children too, and so will the next response."""
    _, kept = kept_in(tmp_path)
    for name, previous in (("a", None), ("b", "a")):
        kept.keep(*turn(name, previous))
    folder = tmp_path / "kept"
    for file in folder.glob("*/*"):
        os.utime(file, (1_900_000_000, 1_900_000_000))
    kept.items_until("b")
    kept.keep(*turn("c", "b"))
    files = [*folder.glob("*/*")]
    [age] = {file.stat().st_mtime for file in files}
    assert len(files) == 5 and abs(age - time.time()) < 60
