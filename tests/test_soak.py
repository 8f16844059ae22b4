"""Hours in small: a gateway under mixed load must not grow in memory, descriptors or state.

``make soak`` takes SOAK_SECONDS=900; two minutes are part of the long tests.
"""

import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

pytestmark = pytest.mark.long

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
CLIENTS = 10
SAMPLE_SECONDS = 1.0
WARM_UP = 0.3
"""The part of the time that does not count: caches fill, code is met for the first time."""

MESSAGES = [{"role": "user", "content": "hello"}]
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIA"
    "MCbHYQAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Sample:
    """The worker at one moment: resident megabytes, open descriptors, files of the state."""

    memory: float
    descriptors: int
    files: int


class Client:
    """Does what clients do, one thing after the other, and counts what came of it."""

    def __init__(self, gateway: Server, outcomes: Counter[str]) -> None:
        self._url = gateway.url
        self._outcomes = outcomes
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {KEY}"

    def work_until(self, end: float) -> None:
        kinds = (self.whole, self.stream, self.leave, self.anthropic, self.keep, self.large)
        for kind in itertools.cycle((*kinds, self.fail, self.picture)):
            if time.monotonic() > end:
                return
            try:
                self._outcomes[f"{kind.__name__}: {kind()}"] += 1
            except requests.RequestException as error:
                self._outcomes[f"{kind.__name__}: {error!r}"] += 1

    def _ask(self, path: str, body: dict[str, Any], **options: Any) -> requests.Response:
        return self._session.post(self._url + path, json=body, timeout=60, **options)

    def _chat(self, model: str, content: Any = "hello", **fields: Any) -> requests.Response:
        messages = [{"role": "user", "content": content}]
        body = {"model": model, "messages": messages, **fields}
        return self._ask("/v1/chat/completions", body, stream=True)

    def whole(self) -> int:
        return self._chat("demo-echo").status_code

    def stream(self) -> bool:
        return self._chat("slow-1", stream=True).text.endswith("data: [DONE]\n\n")

    def leave(self) -> int:
        """In the middle of a stream."""
        with self._chat("endless-soak", stream=True) as answer:
            next(answer.iter_content(None))
            return answer.status_code

    def anthropic(self) -> bool:
        body = {"model": "demo-echo", "messages": MESSAGES, "max_tokens": 100, "stream": True}
        return "message_stop" in self._ask("/v1/messages", body).text

    def keep(self) -> int:
        """A response is kept, read and deleted."""
        kept = self._ask("/v1/responses", {"model": "demo-echo", "input": "hello"}).json()["id"]
        read = self._session.get(f"{self._url}/v1/responses/{kept}", timeout=60)
        gone = self._session.delete(f"{self._url}/v1/responses/{kept}", timeout=60)
        return max(read.status_code, gone.status_code)

    def large(self) -> int:
        """A prompt of a megabyte."""
        return self._chat("demo-echo", "word " * 200_000, max_tokens=5).status_code

    def fail(self) -> int:
        return self._chat("status-500").status_code

    def picture(self) -> int:
        part = {"type": "image_url", "image_url": {"url": PICTURE}}
        return self._chat("demo-echo", [{"type": "text", "text": "hello"}, part]).status_code


EXPECTED = {
    "whole: 200",
    "stream: True",
    "leave: 200",
    "anthropic: True",
    "keep: 200",
    "large: 200",
    "fail: 502",
    "picture: 200",
}


def _sample(worker: int, state: Path) -> Sample:
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    files = sum(1 for path in state.rglob("*") if path.is_file())
    return Sample(pages * 4096 / 1e6, len(os.listdir(f"/proc/{worker}/fd")), files)


def _samples(worker: int, state: Path, end: float) -> Iterator[Sample]:
    while time.monotonic() < end:
        yield _sample(worker, state)
        time.sleep(SAMPLE_SECONDS)


def _growth(values: list[float]) -> float:
    """From the first third of the values to the last, by their medians: peaks do not count."""
    third = len(values) // 3
    return median(values[-third:]) - median(values[:third])


def test_nothing_grows(start_gateway: Callable[..., Server], tmp_path: Path) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    pid = gateway.process.pid
    worker = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        work = [pool.submit(Client(gateway, outcomes).work_until, end) for _ in range(CLIENTS)]
        samples = list(_samples(worker, tmp_path, end))
        for done in work:
            done.result(120)
    samples = samples[int(len(samples) * WARM_UP) :]
    growth = {
        name: round(_growth([getattr(sample, name) for sample in samples]), 1)
        for name in ("memory", "descriptors", "files")
    }
    told = {"seconds": SECONDS, "outcomes": outcomes, "growth": growth, "last": str(samples[-1])}
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    assert set(outcomes) == EXPECTED, outcomes
    assert growth["memory"] < 12
    assert growth["descriptors"] < 20
    assert growth["files"] < 20
    assert "Traceback" not in gateway.printed()
