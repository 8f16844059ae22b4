"""Names of hosts: looked up in threads, within a time, and one slow name for one thread."""

import socket
import time
from typing import Any

import gevent
import pytest

from app.poe import resolver

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 80))]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that the system was asked for; those with "slow" in them take their time."""
    names: list[str] = []

    def getaddrinfo(host: str, *facts: Any) -> Any:
        if facts[-1] & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        names.append(host)
        if "slow" in host:
            time.sleep(0.6)
        if "none" in host:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return FOUND

    monkeypatch.setattr(resolver, "_getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver, "SECONDS", 0.3)
    return names


def outcome(resolving: resolver.BoundedResolver, host: str) -> Any:
    try:
        return resolving.getaddrinfo(host, 80)
    except socket.gaierror as error:
        return error.errno


def test_one_slow_name_holds_no_other_up(asked: list[str]) -> None:
    resolving = resolver.BoundedResolver(threads=2)
    slow = [gevent.spawn(outcome, resolving, "slow.example") for _ in range(20)]
    gevent.sleep(0.05)
    begun = time.monotonic()
    assert outcome(resolving, "quick.example") == FOUND
    assert time.monotonic() - begun < 0.2
    gevent.joinall(slow)
    assert {greenlet.value for greenlet in slow} == {socket.EAI_AGAIN}
    assert asked == ["slow.example", "quick.example"]


def test_who_waits_for_the_same_name_gets_the_same_answer(asked: list[str]) -> None:
    resolving = resolver.BoundedResolver(threads=2)
    waiting = [gevent.spawn(outcome, resolving, "none.example") for _ in range(5)]
    gevent.joinall(waiting)
    assert [greenlet.value for greenlet in waiting] == [socket.EAI_NONAME] * 5
    assert asked == ["none.example"]
    outcome(resolving, "none.example")
    assert asked == ["none.example"] * 2, "nothing is kept"
