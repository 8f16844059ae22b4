"""The servers under measurement: started on free loopback ports, stopped by their own pid."""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.compiled import program
from bench.failure import Failure

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PEERS = ROOT / ".venv-peers" / "bin"  # made by `make bench-peers`
START_LIMIT = 90.0  # seconds until a server must accept; LiteLLM's proxy takes half a minute
STOP_GRACE = 8.0  # seconds between SIGTERM and SIGKILL
OPEN_FILES = 20_000
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Server:
    """A running server of this run."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def log_tail(self, characters: int = 2000) -> str:
        """The end of what it printed, for the report of a failure."""
        return self.log.read_text(errors="replace")[-characters:]


@dataclass(frozen=True)
class Servers:
    """The simulated Poe, and the relays in front of it, by name."""

    upstream: Server
    relays: dict[str, Server]

    @property
    def gateway(self) -> Server:
        """The system under test."""
        return self.relays["gateway"]

    @property
    def baseline(self) -> Server:
        """The plain relay."""
        return self.relays["baseline"]


def raise_open_files() -> None:
    """Lifts the soft limit of open files, which the servers inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_accepting(server: Server) -> None:
    """Returns when the server takes connections; raises when it ended or is too late."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Failure(f"{server.name} did not start:\n{server.log_tail()}")


def stop(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, then SIGKILL to a process that is still there after the grace."""
    process.terminate()
    try:
        process.wait(STOP_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(name: str, command: list[str], port: int, **settings: str) -> Iterator[Server]:
    """A server that lives as long as the block; its environment is only what is given here."""
    environment = {key: os.environ[key] for key in INHERITED if key in os.environ} | settings
    with tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log") as log:
        process = spawn(command, environment, log)
        server = Server(name, port, process, Path(log.name))
        try:
            wait_until_accepting(server)
            yield server
        finally:
            stop(process)


def spawn(
    command: list[str], environment: dict[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Starts the command in the project's root, its output going to the log."""
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )


def gateway_settings(port: int, poe: str) -> dict[str, str]:
    """The gateway's environment: one worker, and the simulated Poe in the place of Poe."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "POE_BASE_URL": f"{poe}/bot/",
        "POE_API_URL": poe,
        "STATE_DIR": str(Path(tempfile.gettempdir()) / "poegate-bench"),
    }


def upstream() -> AbstractContextManager[Server]:
    """The simulated Poe and OpenAI: native/upstream.c."""
    port = free_port()
    return running("upstream", [str(program("upstream")), str(port)], port)


def gateway(poe: str, **settings: str) -> AbstractContextManager[Server]:
    """The gateway under test."""
    port = free_port()
    command = [str(BIN / "gunicorn"), "wsgi:application"]
    return running("gateway", command, port, **gateway_settings(port, poe), **settings)


def passing(poe: str) -> AbstractContextManager[Server]:
    """The gateway that passes all to Poe's own API."""
    return gateway(poe, UPSTREAM="api")


def baseline(poe: str) -> AbstractContextManager[Server]:
    """The plain relay, under uvicorn as it comes: it takes uvloop and httptools, being there."""
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [str(BIN / "uvicorn"), "bench.baseline:app", *where]
    return running("baseline", command, port, POE_BASE_URL=f"{poe}/bot/")


@contextmanager
def litellm(poe: str) -> Iterator[Server]:
    """LiteLLM's proxy with one worker, asking the same upstream in OpenAI's format."""
    port = free_port()
    target = {"model": "openai/*", "api_base": f"{poe}/v1", "api_key": "bench"}
    models = {"model_list": [{"model_name": "*", "litellm_params": target}]}
    with tempfile.NamedTemporaryFile("w", prefix="bench-litellm-", suffix=".yaml") as config:
        json.dump(models, config)  # JSON is YAML
        config.flush()
        where = ["--config", config.name, "--host", "127.0.0.1", "--port", str(port)]
        command = [str(PEERS / "litellm"), *where, "--num_workers", "1", "--telemetry", "False"]
        local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        with running("litellm", command, port, **local) as server:
            yield server


STARTERS = {"gateway": gateway, "passing": passing, "baseline": baseline, "litellm": litellm}


def has_peers() -> bool:
    """Whether `make bench-peers` was run: without it LiteLLM's column stays empty."""
    return (PEERS / "litellm").exists()


@contextmanager
def servers(*names: str) -> Iterator[Servers]:
    """Fresh instances of the upstream and the named relays, one worker each, accepting."""
    with ExitStack() as stack:
        simulated = stack.enter_context(upstream())
        poe = f"http://127.0.0.1:{simulated.port}"
        relays = {name: stack.enter_context(STARTERS[name](poe)) for name in names}
        yield Servers(simulated, relays)
