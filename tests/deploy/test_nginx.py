"""A real nginx with the real site before a real gateway: it must take nothing from the answers."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from app.demo.server import bot_urls
from tests.conftest import KEY
from tests.deploy.nginx_site import nginx_before
from tests.servers import Server, free_port, running

pytestmark = pytest.mark.long

BEARER = {"Authorization": f"Bearer {KEY}"}

EMPTY_CHUNK = '"delta":{},"logprobs":null,"finish_reason":null'


@pytest.fixture(scope="module")
def nginx(gateway: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with nginx_before(gateway.port, tmp_path_factory.mktemp("nginx")) as server:
        yield server


def _ask(server: Server, model: str, stream: bool = False, **options: Any) -> requests.Response:
    messages = [{"role": "user", "content": "x"}]
    return requests.post(
        f"{server.url}/v1/chat/completions",
        json={"model": model, "stream": stream, "messages": messages},
        headers=BEARER,
        stream=stream,
        **{"timeout": 30, **options},
    )


def test_it_works(nginx: Server) -> None:
    with openai.OpenAI(base_url=f"{nginx.url}/v1", api_key=KEY, max_retries=0) as sdk:
        answer = sdk.chat.completions.create(
            model="demo-echo", messages=[{"role": "user", "content": "hello"}]
        )
    assert "hello" in (answer.choices[0].message.content or "")


def test_a_stream_comes_word_by_word(nginx: Server) -> None:
    """The story takes four seconds."""
    arrivals, body = [], b""
    with _ask(nginx, "demo-story", stream=True) as response:
        for chunk in response.iter_content(None):
            arrivals.append(time.monotonic())
            body += chunk
    assert body.endswith(b"data: [DONE]\n\n")
    assert arrivals[-1] - arrivals[0] > 2
    assert len(arrivals) > 50


def test_a_silent_stream_is_kept_alive(nginx: Server) -> None:
    with _ask(nginx, "slow-7", stream=True) as response:
        body = response.text
    assert body.count(EMPTY_CHUNK) >= 3
    assert body.endswith("data: [DONE]\n\n")


def test_a_body_of_90_mb_reaches_the_gateway(nginx: Server) -> None:
    url = f"{nginx.url}/v1/chat/completions"
    answer = requests.post(url, data=b"x" * 90_000_000, headers=BEARER, timeout=60)
    assert answer.status_code == 400
    assert "not valid JSON" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("megabytes", "headers", "status"), [(90, {}, 401), (101, BEARER, 413)])
def test_a_body_that_the_gateway_refuses_unread(
    nginx: Server, megabytes: int, headers: dict[str, str], status: int
) -> None:
    """It answers while nginx still writes: that must not become a 502."""
    url = f"{nginx.url}/v1/chat/completions"
    body = b"x" * megabytes * 1_000_000
    answer = requests.post(url, data=body, headers=headers, timeout=60)
    assert answer.status_code == status
    assert answer.json()["error"]["metadata"]["status"] == status


def test_a_body_that_nginx_refuses(nginx: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    connection.putrequest("POST", "/v1/chat/completions")
    connection.putheader("Content-Length", "200000000")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Type")) == (413, "application/json")
    assert b'"request_too_large"' in answer.read()
    connection.close()


def _wait_until_closed(seen: Callable[[], Any], path: str, before: int) -> None:
    deadline = time.monotonic() + 5
    while seen()["closed"].get(path, 0) == before:
        assert time.monotonic() < deadline, f"{path} is still open"
        time.sleep(0.02)


def test_a_client_that_leaves_a_stream(nginx: Server, seen: Callable[[], Any]) -> None:
    before = seen()["closed"].get("/bot/endless-nginx", 0)
    response = _ask(nginx, "endless-nginx", stream=True)
    assert next(response.iter_content(None))
    response.close()
    _wait_until_closed(seen, "/bot/endless-nginx", before)


def test_a_client_that_leaves_while_it_waits_for_a_whole_answer(
    nginx: Server, seen: Callable[[], Any]
) -> None:
    before = seen()["closed"].get("/bot/endless-nginxwhole", 0)
    with pytest.raises(requests.ReadTimeout):
        _ask(nginx, "endless-nginxwhole", timeout=0.5)
    _wait_until_closed(seen, "/bot/endless-nginxwhole", before)


@pytest.mark.parametrize(
    ("bot", "status"), [("status-429", 429), ("status-500", 502), ("status-529", 529)]
)
def test_the_gateways_errors_pass_as_they_are(
    nginx: Server, gateway: Server, bot: str, status: int
) -> None:
    """Also the statuses for which nginx has words of its own."""
    through, direct = _ask(nginx, bot), _ask(gateway, bot)
    assert through.status_code == direct.status_code == status
    assert through.json() == direct.json()
    assert through.headers.get("Retry-After") == direct.headers.get("Retry-After")


def test_a_flood_without_a_credential_is_refused_and_no_other(
    gateway: Server, tmp_path: Path
) -> None:
    """With an nginx of its own, for what was counted here would be counted against other tests."""
    with (
        nginx_before(gateway.port, tmp_path) as nginx,
        ThreadPoolExecutor(8) as clients,
        requests.Session() as session,
    ):

        def ask(_: int) -> requests.Response:
            return session.get(f"{nginx.url}/healthz", timeout=30)

        flood = list(clients.map(ask, range(400)))
        assert _ask(nginx, "demo-echo").status_code == 200
    refused = [answer for answer in flood if answer.status_code != 200]
    assert 50 < len(refused) < 200
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in refused} == {
        (429, "5")
    }
    assert refused[0].json()["error"]["type"] == "rate_limit_error"


def test_paths_arrive_as_they_were_written(nginx: Server) -> None:
    answer = requests.get(f"{nginx.url}//v1//no%20such?x=1", timeout=5)
    assert answer.json()["error"]["message"] == "Unknown route: GET //v1//no such"


def test_a_gateway_that_is_away_is_told_in_json(tmp_path: Path) -> None:
    with nginx_before(free_port(), tmp_path) as nginx:
        answer = _ask(nginx, "demo-echo")
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "upstream_error")
    assert answer.headers["Retry-After"] == "5"


def test_an_sdk_waits_for_a_gateway_that_restarts(tmp_path: Path, demo: Server) -> None:
    """Its usual two tries last 1.3 seconds; the gateway is away for four."""
    port = free_port()
    environ = {"PORT": str(port), "BOT_URLS": bot_urls(demo.url), "STATE_DIR": str(tmp_path)}
    started: list[Server] = []
    with nginx_before(port, tmp_path) as nginx, ExitStack() as stack:

        def start() -> None:
            gateway = running(["-m", "gunicorn"], port, tmp_path / "gateway", environ)
            started.append(stack.enter_context(gateway))

        restart = threading.Timer(2, start)
        restart.start()
        with openai.OpenAI(base_url=f"{nginx.url}/v1", api_key=KEY) as sdk:
            answer = sdk.chat.completions.create(
                model="demo-echo", messages=[{"role": "user", "content": "hello"}]
            )
        restart.join()
    assert started and "hello" in (answer.choices[0].message.content or "")
