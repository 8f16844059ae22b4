"""GET /models, by the official clients of both vendors."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import anthropic
import openai
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

ODD_NAME = "Bilder/Größe:v1.5"
HELLO: Any = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def server(start_gateway: Callable[..., Server]) -> Server:
    return start_gateway(MODEL_ALIASES="fast=Gemini-2.5-Pro,lab/ü.1=crowd-03")


@pytest.fixture
def gpt(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def claude(server: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key=KEY, max_retries=0) as sdk:
        yield sdk


def get(server: Server, query: str = "", **headers: str) -> requests.Response:
    url = f"{server.url}/v1/models{query}"
    return requests.get(url, headers={"x-api-key": KEY, **headers}, timeout=10)


def test_it_works(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    of_openai = {model.id: model for model in gpt.models.list()}
    of_anthropic = {model.id: model for model in claude.models.list()}
    assert set(of_openai) == set(of_anthropic) >= {"fast", "demo-echo", ODD_NAME, "crowd-24"}
    pro: Any = of_openai["Gemini-2.5-Pro"]
    assert (pro.created, pro.owned_by, pro.context_window) == (1_750_000_000, "Google", 1_048_576)
    assert pro.modalities["input"] == ["text", "image", "video", "audio"]
    info = of_anthropic["Gemini-2.5-Pro"]
    assert (info.display_name, info.max_tokens) == ("Gemini 2.5 Pro", 65_536)
    assert info.created_at.timestamp() == pro.created


def test_no_field_of_anthropics_is_missing(server: Server, claude: anthropic.Anthropic) -> None:
    version = {"anthropic-version": "2023-06-01"}
    listed = get(server, "?limit=1000", **version).json()["data"]
    for model in [*listed, get(server, "/demo-echo", **version).json()]:
        assert set(anthropic.types.ModelInfo.model_fields) <= set(model)
    assert claude.models.retrieve("demo-echo").capabilities is None
    assert "capabilities" not in get(server, "/demo-echo").json()


def test_an_alias_is_shown_with_its_bots_facts(gpt: openai.OpenAI) -> None:
    alias: Any = gpt.models.retrieve("fast")
    assert (alias.id, alias.alias_of) == ("fast", "Gemini-2.5-Pro")
    assert alias.context_length == 1_048_576
    assert alias.pricing["prompt"] == "0.0000012"


@pytest.mark.parametrize("name", [ODD_NAME, "lab/ü.1", "Gemini-2.5-Pro", "demo-echo"])
def test_names_of_all_kinds(
    gpt: openai.OpenAI, claude: anthropic.Anthropic, server: Server, name: str
) -> None:
    assert gpt.models.retrieve(name).id == name
    assert claude.models.retrieve(name).id == name
    assert get(server, f"/{quote(name)}").json()["id"] == name


def test_a_name_that_nobody_has(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        gpt.models.retrieve("lab/nobody")
    assert caught.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("lab/nobody")


def test_only_anthropics_clients_get_pages(server: Server, claude: anthropic.Anthropic) -> None:
    everything = get(server, "?limit=3").json()
    names = [model["id"] for model in everything["data"]]
    assert len(names) > 25 and everything["has_more"] is False
    assert (everything["first_id"], everything["last_id"]) == (names[0], names[-1])
    first = claude.models.list()
    assert [model.id for model in first.data] == names[:20] and first.has_more
    assert len(claude.models.list(limit=1000).data) == len(names)


def test_pages_in_both_directions(server: Server, claude: anthropic.Anthropic) -> None:
    names = [model["id"] for model in get(server).json()["data"]]
    after = claude.models.list(limit=7, after_id=names[4])
    assert [model.id for model in after.data] == names[5:12]
    assert [model.id for model in after] == names[5:]
    before = claude.models.list(limit=3, before_id=names[5])
    assert [model.id for model in before.data] == names[2:5] and before.has_more
    first = claude.models.list(limit=3, before_id=names[2])
    assert [model.id for model in first.data] == names[:2] and not first.has_more


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("after_id=no", "after_id"),
    ],
)
def test_a_page_that_cannot_be(server: Server, query: str, param: str) -> None:
    answer = get(server, f"?{query}", **{"anthropic-version": "2023-06-01"})
    assert answer.status_code == 400
    assert param in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["", "/demo-echo"])
def test_a_credential_is_needed(server: Server, path: str) -> None:
    assert get(server, path, **{"x-api-key": ""}).status_code == 401


def test_a_client_of_openai_reads_the_list(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(MODEL_ALIASES="gpt-4=Claude-Sonnet-4.5,claude-*=Claude-Sonnet-4.5")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as sdk:
        models: dict[str, Any] = {model.id: model for model in sdk.models.list()}
        poe = models["Claude-Sonnet-4.5"]
        assert poe.created == 1_759_000_000
        assert poe.pricing["prompt"] == "0.000003"
        assert models["gpt-4"].alias_of == "Claude-Sonnet-4.5"
        assert models["demo-echo"].object == "model"
        assert "claude-*" not in models
        assert sdk.models.retrieve("gpt-4").id == "gpt-4"
        assert sdk.models.retrieve("claude-3-haiku").id == "claude-3-haiku"
        with pytest.raises(openai.NotFoundError):
            sdk.models.retrieve("nobody/at all")


def test_an_alias_answers_under_its_own_name(
    start_gateway: Callable[..., Server], seen: Callable[[], Any]
) -> None:
    gateway, before = start_gateway(MODEL_ALIASES="gpt-4=count-7"), seen()["calls"]
    with openai.OpenAI(base_url=gateway.url, api_key=KEY) as sdk:
        answer = sdk.chat.completions.create(model="gpt-4", messages=HELLO)
    assert answer.model == "gpt-4"
    assert seen()["calls"]["count-7"] == before.get("count-7", 0) + 1


def test_models_without_poe(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(POE_API_URL="http://127.0.0.1:9", MODEL_ALIASES="gpt-4=GPT-4o")
    headers = {"Authorization": "Bearer x"}
    response = requests.get(f"{gateway.url}/v1/models", headers=headers, timeout=10)
    assert response.status_code == 200
    assert {"gpt-4", "demo-echo"} <= {model["id"] for model in response.json()["data"]}
    for name, status in {"demo-echo": 200, "gpt-4": 200, "GPT-4o": 502}.items():
        url = f"{gateway.url}/v1/models/{name}"
        assert requests.get(url, headers=headers, timeout=10).status_code == status
    ready = requests.get(f"{gateway.url}/readyz", timeout=10).json()
    assert (ready["status"], ready["poe"]) == ("degraded", "unreachable")
