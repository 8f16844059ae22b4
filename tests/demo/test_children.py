"""Children are real processes here: Python's own file server, or a few lines given to ``-m``."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo import children
from app.demo.children import (
    Child,
    ServersFailed,
    StopRequests,
    check_free,
    run_together,
)
from tests.servers import free_port


@pytest.fixture
def stop() -> Iterator[StopRequests]:
    """Stop requests that listen to this process's signals until the test is over."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    requests = StopRequests()
    requests.listen()
    yield requests
    for number, handler in before.items():
        signal.signal(number, handler)


def file_server(stop: StopRequests, folder: Path) -> Child:
    port = free_port()
    command = ["http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    return Child("the file server", command, f"http://127.0.0.1:{port}/", stop)


def script(stop: StopRequests, folder: Path, code: str) -> Child:
    """A child that serves nothing. It is ready once it has made the file ``ready``."""
    (folder / "script_of_a_test.py").write_text(code)
    environ = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return Child("the script", ["script_of_a_test"], "http://127.0.0.1:9/", stop, environ)


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_they_serve_until_a_signal_says_stop(
    stop: StopRequests, tmp_path: Path, number: int
) -> None:
    with file_server(stop, tmp_path) as one, file_server(stop, tmp_path) as other:
        served = []

        def ready() -> None:
            served.extend([one.answers(), other.answers()])
            signal.raise_signal(number)

        run_together([one, other], stop, ready)
    assert served == [True, True]
    assert None not in (one.process.returncode, other.process.returncode)
    check_free("127.0.0.1", one.probe.port or 0)


def test_a_child_does_not_share_the_terminals_session(stop: StopRequests, tmp_path: Path) -> None:
    with file_server(stop, tmp_path) as child:
        assert os.getsid(child.process.pid) == child.process.pid != os.getsid(0)


def test_where_one_dies_the_other_is_ended(stop: StopRequests, tmp_path: Path) -> None:
    with file_server(stop, tmp_path) as one:
        with pytest.raises(ServersFailed, match="the file server ended by SIGKILL"):
            with file_server(stop, tmp_path) as other:
                run_together([other, one], stop, lambda: one.process.kill())
        assert other.process.returncode is not None


def test_an_exit_code_is_told(stop: StopRequests, tmp_path: Path) -> None:
    with script(stop, tmp_path, "raise SystemExit(3)") as child:
        with pytest.raises(ServersFailed, match="the script ended with exit code 3"):
            run_together([child], stop, lambda: None)


def test_a_child_that_never_serves_is_given_up(
    stop: StopRequests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "START_SECONDS", 0.3)
    with script(stop, tmp_path, "import time; time.sleep(60)") as child:
        with pytest.raises(ServersFailed, match="no answer from the script"):
            run_together([child], stop, lambda: pytest.fail("it is not ready"))
    assert child.process.returncode == -signal.SIGTERM


PLAIN = """
import pathlib, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
pathlib.Path(__file__).with_name("ready").touch()
time.sleep(60)
"""

DEAF = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(__file__).with_name("new").write_text(str(worker.pid))
pathlib.Path(__file__).with_name("new").rename(pathlib.Path(__file__).with_name("ready"))
time.sleep(60)
"""


def test_a_deaf_child_is_killed_with_its_workers(
    stop: StopRequests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "GRACE_SECONDS", 0.3)
    with script(stop, tmp_path, DEAF) as child:
        wait_for(tmp_path / "ready")
    assert child.process.returncode == -signal.SIGKILL
    assert_gone(int((tmp_path / "ready").read_text()))


def test_a_second_request_cuts_the_grace_short(
    stop: StopRequests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        signal.raise_signal(signal.SIGTERM)

    start = time.monotonic()
    with script(stop, tmp_path, DEAF) as child:
        wait_for(tmp_path / "ready")
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr("app.demo.children.time.sleep", sleep)
    assert child.process.returncode == -signal.SIGKILL
    assert time.monotonic() - start < children.GRACE_SECONDS / 2


def assert_gone(pid: int) -> None:
    """A killed orphan stays a zombie until whoever adopted it looks."""
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_passed_on_as_ctrl_c(stop: StopRequests, tmp_path: Path, number: int) -> None:
    with script(stop, tmp_path, PLAIN) as child:
        wait_for(tmp_path / "ready")
        signal.raise_signal(number)
    assert child.process.returncode == -number


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServersFailed, match=f"port {port}: Address already in use") as caught:
            check_free("127.0.0.1", port)
    assert "\n" not in str(caught.value)


def test_a_free_port_is_chosen() -> None:
    port = check_free("127.0.0.1", 0)
    assert check_free("127.0.0.1", port) == port > 0


def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(ServersFailed, match="cannot listen on no-such-host.invalid"):
        check_free("no-such-host.invalid", 8000)


def test_the_interpreter_of_the_children_is_ours(stop: StopRequests, tmp_path: Path) -> None:
    with file_server(stop, tmp_path) as child:
        assert child.process.args[:2] == [sys.executable, "-m"]  # type: ignore[index]


def test_a_free_port_is_none_that_outgoing_connections_are_given() -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < low for _ in range(20))
