"""Load by wrk: as many whole streams as a server gives to so many connections."""

import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.client import verify
from bench.failure import Failure
from bench.processes import Server
from bench.wire import CREDENTIAL, TURN, Ask

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 30  # seconds that wrk waits for an answer


@dataclass(frozen=True)
class Load:
    """The outcome of one load."""

    streams_per_second: float
    failed: int  # answers that were not 200, were cut, or never came


def wrk_command(server: Server, ask: Ask, at_a_time: int, seconds: int, body: str) -> list[str]:
    """The command line; one thread of wrk is ample for these loads."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Failure("wrk is not installed (apt-get install wrk)")
    options = ["-t1", f"-c{at_a_time}", f"-d{seconds}s", f"--timeout={PATIENCE}s"]
    url = f"http://127.0.0.1:{server.port}{ask.path}"
    arguments = [body, CREDENTIAL, ask.dialect.ending, TURN, str(time.time_ns())]
    return [wrk, *options, "-s", str(SCRIPT), url, "--", *arguments]


def finish(command: list[str], limit: float) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end, at most so many seconds."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} did not end within {limit} s") from error


def run_wrk(server: Server, ask: Ask, at_a_time: int, seconds: int) -> dict[str, int]:
    """The counts that wrk.lua prints as its last line."""
    with tempfile.NamedTemporaryFile(prefix="bench-body-") as body:
        body.write(ask.body())
        body.flush()
        command = wrk_command(server, ask, at_a_time, seconds, body.name)
        done = finish(command, limit=seconds + PATIENCE)
    if done.returncode:
        raise Failure(f"wrk: {done.stdout}{done.stderr}")
    counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return counts


def load(server: Server, ask: Ask, at_a_time: int, seconds: int) -> Load:
    """Loads the server for that long, between two single requests that are checked in full."""
    verify(server, ask)
    counts = run_wrk(server, ask, at_a_time, seconds)
    verify(server, ask)
    # A connection's last stream is cut off half-way on the average: it counts as half a stream.
    streams = counts["whole"] + at_a_time / 2
    failed = counts["refused"] + counts["cut"] + counts["socket_errors"]
    return Load(streams / counts["microseconds"] * 1e6, failed)
