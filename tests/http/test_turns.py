"""In a loop of an hour, other greenlets are resumed by what arrives at their sockets."""

import subprocess
import sys
import time

import gevent
from gevent import socket

from app.core import turns
from app.factory import create_app

BEAT = "import os, sys, time\nwhile True: os.write(1, b'x'); time.sleep(0.02)"


def test_sockets_are_looked_at_between_two_turns() -> None:
    """gevent.sleep(0) would resume the loop up to 50 times before anything is read."""
    create_app()
    beats: list[float] = []

    def listen(sock: socket.socket) -> None:
        while sock.recv(1):
            beats.append(time.monotonic())

    ours, theirs = socket.socketpair()
    listener = gevent.spawn(listen, ours)
    command = [sys.executable, "-c", BEAT]
    with ours, theirs, subprocess.Popen(command, stdout=theirs.fileno()) as process:
        while not beats:
            gevent.sleep(0.01)
        until = time.monotonic() + 0.5
        for _ in turns.in_turns(range(1_000_000)):
            time.sleep(0.001)
            if time.monotonic() > until:
                break
        process.kill()
        listener.kill()
    assert len(beats) >= 12, "of 25"
