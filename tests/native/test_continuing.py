"""Responses that Poe keeps: they are found by who asked for them, with the key that has them."""

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.native.asking import CHAT, RESPONSES, Native
from tests.relay.gateways import ADMIN, KEYS

POE = "api; goes on from what Poe keeps"


@pytest.fixture(scope="module")
def pooled(start_native: Callable[..., Native], tmp_path_factory: pytest.TempPathFactory) -> Native:
    return start_native(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS="alice-secret,bob-secret",
        ADMIN_TOKEN=ADMIN,
        STATE_DIR=str(tmp_path_factory.mktemp("continuing")),
        MODEL_ALIASES="mine=api-ok",
    )


@pytest.fixture(autouse=True)
def without_faults(pooled: Native) -> None:
    faults(pooled)
    for number in range(1, len(KEYS) + 1):
        admin(pooled, f"keys/{number}/reset")


def faults(native: Native, **by_key: str) -> None:
    named = {KEYS[int(name[3:]) - 1]: fault for name, fault in by_key.items()}
    requests.post(f"{native.poe.url}/faults", json=named, timeout=5).raise_for_status()


def admin(native: Native, path: str) -> None:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    url = f"{native.gateway.url}/admin/{path}"
    requests.post(url, headers=headers, timeout=20).raise_for_status()


def begin(native: Native, text: str, **more: Any) -> tuple[str, str]:
    """The id of a new response, and the number of the key that was asked."""
    answer = native.ask(RESPONSES, "mine", text, **more)
    if more.get("stream"):
        line = [line for line in answer.text.splitlines() if line.startswith("data: ")][-1]
        name = line.split('"id":"')[1].split('"')[0]
    else:
        name = answer.json()["id"]
    return name, answer.headers["x-poegate-key"]


@pytest.mark.parametrize("streaming", [False, True])
def test_it_goes_back_to_the_key_that_has_it(
    pooled: Native, asked: Callable[[], Any], streaming: bool
) -> None:
    used = set()
    for number in range(12):
        name, key = begin(pooled, f"hello {number} {streaming}", stream=streaming)
        used.add(key)
        again = pooled.ask(RESPONSES, "mine", f"other {number}", previous_response_id=name)
        assert again.status_code == 200, again.text
        assert again.headers["x-poegate-upstream"] == POE
        assert again.headers["x-poegate-key"] == key
        assert asked()[-1]["body"]["previous_response_id"] == name
    assert len(used) > 1, "the conversations spread over the keys"


def test_items_are_found_too(pooled: Native) -> None:
    answer = pooled.ask(RESPONSES, "mine", "items")
    item, key = answer.json()["output"][0]["id"], answer.headers["x-poegate-key"]
    turns = [{"type": "item_reference", "id": item}, {"role": "user", "content": "and?"}]
    again = pooled.ask(RESPONSES, "mine", input=turns)
    assert (again.headers["x-poegate-upstream"], again.headers["x-poegate-key"]) == (POE, key)
    mixed = [*turns, {"type": "item_reference", "id": "msg_unknown"}]
    assert pooled.ask(RESPONSES, "mine", input=mixed).status_code == 400


def test_a_key_that_rests_is_waited_for(pooled: Native) -> None:
    name, key = begin(pooled, "to be limited")
    faults(pooled, **{f"key{key}": "limited:30"})
    first = pooled.ask(RESPONSES, "mine", previous_response_id=name)
    assert first.status_code == 429, "no other key is asked"
    second = pooled.ask(RESPONSES, "mine", previous_response_id=name)
    assert second.status_code == 429 and 1 <= int(second.headers["Retry-After"]) <= 30
    assert "keeps this conversation" in second.json()["error"]["message"]
    assert pooled.ask(RESPONSES, "mine", "to be limited").status_code == 200


def test_it_is_nobody_elses(pooled: Native, asked: Callable[[], Any]) -> None:
    answer = pooled.ask(RESPONSES, "mine", "a secret")
    name, item = answer.json()["id"], answer.json()["output"][0]["id"]
    before, bob = len(asked()), {"Authorization": "Bearer bob-secret"}
    stolen = pooled.ask(RESPONSES, "mine", previous_response_id=name, headers=bob)
    assert stolen.status_code == 404
    assert stolen.json()["error"]["code"] == "previous_response_not_found"
    turns = [{"type": "item_reference", "id": item}]
    assert pooled.ask(RESPONSES, "mine", input=turns, headers=bob).status_code in (400, 404)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
        url = f"{pooled.gateway.url}{RESPONSES}/{name}{path}"
        assert requests.request(method, url, headers=bob, timeout=10).status_code == 404
    assert len(asked()) == before


def test_what_the_gateway_keeps_stays_here(pooled: Native) -> None:
    own = pooled.ask(RESPONSES, "count-5", "kept here")
    assert own.headers["x-poegate-upstream"].startswith("bot; ")
    again = pooled.ask(RESPONSES, "mine", previous_response_id=own.json()["id"])
    assert again.headers["x-poegate-upstream"] == "bot; what this gateway keeps"


def test_the_sdk_reads_and_deletes_what_poe_keeps(pooled: Native) -> None:
    base = f"{pooled.gateway.url}/v1"
    with openai.OpenAI(base_url=base, api_key=pooled.key, max_retries=0) as sdk:
        made = sdk.responses.create(model="mine", input="keep me")
        found = sdk.responses.retrieve(made.id)
        assert (found.id, found.model, found.output_text) == (made.id, "mine", "keep me")
        assert list(sdk.responses.input_items.list(made.id)) == []
        sdk.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            sdk.responses.retrieve(made.id)


def test_nothing_is_remembered_of_what_is_not_stored(pooled: Native) -> None:
    name, _ = begin(pooled, "do not store", store=False)
    assert pooled.ask(RESPONSES, "mine", previous_response_id=name).status_code == 404


@pytest.mark.parametrize("fault", ["revoked", "limited:30", "no_points", "unavailable"])
@pytest.mark.parametrize("streaming", [False, True])
def test_another_key_is_asked_where_that_helps(pooled: Native, fault: str, streaming: bool) -> None:
    faults(pooled, key1=fault, key2=fault)
    for number in range(6):
        answer = pooled.ask(CHAT, "api-ok", f"try {fault} {number}", stream=streaming)
        assert answer.status_code == 200, answer.text
        if fault != "unavailable":
            assert answer.headers["x-poegate-key"] == "3"


def test_limits_ledger_and_metrics_count_it(
    start_native: Callable[..., Native], tmp_path: Path
) -> None:
    file = tmp_path / "poegate.toml"
    digest = hashlib.sha256(b"carol-secret").hexdigest()
    file.write_text(
        f'[token.carol]\nsha256 = "{digest}"\nmodels = ["api-ok"]\nrequests_per_minute = 3\n'
    )
    native = start_native(
        POE_API_KEYS=KEYS[0],
        ACCESS_TOKENS="alice-secret",
        POEGATE_CONFIG=str(file),
        METRICS_TOKEN="metrics",
        STATE_DIR=str(tmp_path / "state"),
    )
    carol = {"Authorization": "Bearer carol-secret"}
    assert native.ask(CHAT, "api-comment", headers=carol).status_code == 403
    answers = [native.ask(CHAT, "api-ok", "a b c", headers=carol) for _ in range(5)]
    count = [answer.status_code for answer in answers].count(200)
    assert 3 <= count < 5 and answers[-1].status_code == 429
    assert answers[0].headers["x-ratelimit-limit-requests"] == "3"
    time.sleep(2)  # until the ledger is written
    used = requests.get(f"{native.gateway.url}/v1/usage?by=model", headers=carol, timeout=10).json()
    [row] = [row for row in used["data"] if row["model"] == "api-ok"]
    assert row["prompt_tokens"] == 1003 * count and row["completion_tokens"] == 3 * count
    assert row["points"] > 0
    metrics = requests.get(
        f"{native.gateway.url}/metrics", headers={"Authorization": "Bearer metrics"}, timeout=10
    ).text
    found = re.search(r'poegate_tokens_total\{model="api-ok",type="prompt"\} (\S+)', metrics)
    assert found and float(found[1]) >= 1003 * count
