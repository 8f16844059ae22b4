"""TLS and proxies between the gateway and Poe, with real certificates and a real proxy."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import trustme

from tests.conftest import KEY
from tests.forward_proxy import USER
from tests.servers import Server, free_port, running

HELLO: Any = [{"role": "user", "content": "hello"}]


def ask(gateway: Server, model: str = "count-3") -> str | None:
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as sdk:
        answer = sdk.chat.completions.create(model=model, messages=HELLO)
    return answer.choices[0].message.content


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and server.pem with its key for localhost."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = authority.issue_cert("localhost")
    own.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder


@pytest.fixture(scope="module")
def secure_upstream(certificates: Path, logs: Path) -> Iterator[Server]:
    port = free_port()
    pem = str(certificates / "server.pem")
    command = ["-m", "uvicorn", "tests.upstream:application", "--port", str(port)]
    options = ["--ssl-certfile", pem, "--ssl-keyfile", pem, "--log-level", "critical"]
    with running([*command, *options, "--lifespan", "off"], port, logs / "tls.log") as server:
        yield server


@pytest.fixture(scope="module")
def proxy(logs: Path) -> Iterator[Server]:
    port = free_port()
    with running(["-m", "tests.forward_proxy", str(port)], port, logs / "proxy.log") as server:
        yield server


def test_a_certificate_that_is_trusted(
    start_gateway: Callable[..., Server], secure_upstream: Server, certificates: Path
) -> None:
    gateway = start_gateway(
        POE_BASE_URL=f"https://localhost:{secure_upstream.port}/bot/",
        SSL_CERT_FILE=str(certificates / "ca.pem"),
    )
    assert ask(gateway) == "hello:0 hello:1 hello:2 "
    assert ask(gateway) == "hello:0 hello:1 hello:2 "


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_that_is_not(
    start_gateway: Callable[..., Server], secure_upstream: Server, certificates: Path, host: str
) -> None:
    """An unknown authority; then the right one, but another host's certificate."""
    trusted = {"SSL_CERT_FILE": str(certificates / "ca.pem")} if host == "127.0.0.1" else {}
    url = f"https://{host}:{secure_upstream.port}/bot/"
    gateway = start_gateway(POE_BASE_URL=url, **trusted)
    with pytest.raises(openai.InternalServerError) as caught:
        ask(gateway)
    assert caught.value.status_code == 502


def test_a_proxy_with_credentials(
    start_gateway: Callable[..., Server],
    upstream: Server,
    secure_upstream: Server,
    certificates: Path,
    proxy: Server,
) -> None:
    settings = {
        "POE_PROXY": f"http://{USER}@127.0.0.1:{proxy.port}",
        "SSL_CERT_FILE": str(certificates / "ca.pem"),
    }
    plain = start_gateway(**settings)
    assert ask(plain, "count-1") == "hello:0 "
    assert f"POST {upstream.url}/bot/count-1" in proxy.printed()
    secure_url = f"https://localhost:{secure_upstream.port}/bot/"
    secure = start_gateway(POE_BASE_URL=secure_url, **settings)
    assert ask(secure, "count-2") == "hello:0 hello:1 "
    assert f"CONNECT localhost:{secure_upstream.port}" in proxy.printed()
    assert ask(plain, "demo-echo") == "hello"
    assert "demo-echo" not in proxy.printed()


def test_a_proxy_that_refuses(start_gateway: Callable[..., Server], proxy: Server) -> None:
    gateway = start_gateway(POE_PROXY=f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(openai.APIStatusError) as caught:
        ask(gateway)
    assert caught.value.status_code == 502


CLOSE_WAIT = "08"
"""The state in /proc/net/tcp of a connection that only the other end has closed (proc(5))."""


def _connections(port: int) -> list[str]:
    """The states of this machine's connections to a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [line[3] for line in lines if line[2].endswith(f":{port:04X}")]


@pytest.mark.long
def test_connections_that_the_upstream_closes_leave_the_pool(
    start_gateway: Callable[..., Server], logs: Path
) -> None:
    """The simulated Poe closes an idle connection after five seconds, as uvicorn does."""
    port = free_port()
    with running(["-m", "tests.upstream", str(port)], port, logs / "closing.log") as upstream:
        gateway = start_gateway(POE_BASE_URL=f"{upstream.url}/bot/")
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda _: ask(gateway, "slow-1"), range(8)))
        assert len(_connections(port)) >= 8
        deadline = time.monotonic() + 20
        while _connections(port).count(CLOSE_WAIT) or len(_connections(port)) > 1:
            assert time.monotonic() < deadline, _connections(port)
            time.sleep(0.2)
