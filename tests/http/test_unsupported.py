"""What Poe cannot do is told in words, whatever is sent."""

import openai
import pytest
import requests

from app.http.unsupported import METHODS, UNSUPPORTED
from tests.servers import Server


def test_it_works(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Poe has no embedding models") as caught:
        client.embeddings.create(model="text-embedding-3-small", input="hello")
    assert caught.value.type == "not_found_error"
    assert caught.value.code == "unsupported_endpoint"
    with pytest.raises(openai.NotFoundError, match="moderation"):
        client.moderations.create(input="hello")
    with pytest.raises(openai.NotFoundError, match="fine-tuning"):
        client.fine_tuning.jobs.list()
    with pytest.raises(openai.NotFoundError, match="batches"):
        client.batches.retrieve("batch_1")
    with pytest.raises(openai.NotFoundError, match="vector stores"):
        client.vector_stores.files.list("vs_1")


@pytest.mark.parametrize("start", UNSUPPORTED)
def test_every_method_and_path_without_a_credential(gateway: Server, start: str) -> None:
    for path in (f"/{start}", f"/v1/{start}", f"/v1/{start}/", f"/v1/{start}/a/b:c/ü?x=1"):
        for method in METHODS:
            answer = requests.request(method, gateway.url + path, data=b"{broken", timeout=5)
            error = answer.json()["error"]
            assert (answer.status_code, error["type"]) == (404, "not_found_error"), (method, path)
            assert UNSUPPORTED[start] in error["message"]
    assert requests.head(f"{gateway.url}/v1/{start}", timeout=5).status_code == 404


def test_anthropics_envelope_for_its_paths(gateway: Server) -> None:
    answer = requests.post(f"{gateway.url}/v1/messages/batches", json={}, timeout=5).json()
    assert answer["type"] == "error" and answer["error"]["type"] == "not_found_error"


def test_browsers_learn_it_too(gateway: Server) -> None:
    headers = {"Origin": "http://a.test", "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{gateway.url}/v1/embeddings", headers=headers, timeout=5)
    assert answer.status_code == 200 and "Access-Control-Allow-Origin" in answer.headers


@pytest.mark.parametrize("path", ["/embeddingsx", "/v1/nothing", "/fine_tuningx/jobs"])
def test_other_unknown_paths_are_just_unknown(gateway: Server, path: str) -> None:
    answer = requests.get(gateway.url + path, timeout=5)
    assert answer.json()["error"]["code"] == "unknown_url"
