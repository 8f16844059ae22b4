"""In a loop of an hour, other greenlets are resumed by what arrives at their sockets."""

import subprocess
import sys
import time

import gevent
from gevent import socket

from app.core import turns
from app.factory import create_app
from app.http.turn_queue import TurnQueue

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


def test_of_many_at_work_one_goes_on_at_a_time() -> None:
    """Twenty that work for 10 ms each, again and again: nobody waits for all of them."""
    queue = TurnQueue()
    order: list[int] = []

    def work(number: int) -> None:
        for _ in range(3):
            time.sleep(0.01)
            order.append(number)
            queue.give_way()

    ours, theirs = socket.socketpair()
    workers = [gevent.spawn(work, number) for number in range(20)]
    gevent.sleep(0)  # each has begun, and waits for its turn
    with ours, theirs:
        before = len(order)
        gevent.spawn_later(0.001, theirs.send, b"x")
        assert ours.recv(1) == b"x"
        meanwhile = len(order) - before
        gevent.joinall(workers, raise_error=True)
    assert before == 20 and meanwhile <= 5 and order == [*range(20)] * 3


def test_who_leaves_the_queue_holds_up_nobody() -> None:
    queue = TurnQueue()
    gone, left = gevent.spawn(queue.give_way), gevent.spawn(queue.give_way)
    gevent.sleep(0)
    gone.kill()
    left.join(timeout=1)
    assert left.successful()
