"""Reading a response without waiting, over plain connections and TLS."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.ssl
import pytest
import trustme
from gevent import socket
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPSocketPoolResponse

from app.poe.transport import Incoming

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n"
SECONDS = 10


def plain(ours: Any, theirs: Any) -> tuple[Any, Any]:
    return ours, theirs


def over_tls(ours: Any, theirs: Any) -> tuple[Any, Any]:
    authority = trustme.CA()
    server = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    accepting = gevent.spawn(server.wrap_socket, theirs, server_side=True)
    wrapped = client.wrap_socket(ours, server_hostname="localhost")
    return wrapped, accepting.get(timeout=SECONDS)


@pytest.fixture(params=[plain, over_tls])
def exchange(request: pytest.FixtureRequest) -> Iterator[tuple[Incoming, Any]]:
    """A response whose head has come, and the server's end of the connection."""
    wrap: Callable[[Any, Any], tuple[Any, Any]] = request.param
    ours, theirs = wrap(*socket.socketpair())
    theirs.sendall(HEAD)
    pool = ConnectionPool("localhost", 1, "localhost", 1)
    pool._semaphore.acquire()  # as the pool does where it gives a connection
    incoming = Incoming(HTTPSocketPoolResponse(ours, pool))
    with gevent.Timeout(SECONDS):
        yield incoming, theirs
    incoming.release()
    pool.close()
    ours.close()
    theirs.close()


def test_nothing_is_there(exchange: tuple[Incoming, Any]) -> None:
    incoming, _ = exchange
    assert incoming.read_now() is None
    assert incoming.read_now() is None
    assert not incoming.complete


def test_what_is_there_is_read_and_the_rest_is_waited_for(exchange: tuple[Incoming, Any]) -> None:
    incoming, theirs = exchange
    theirs.sendall(b"01234")
    gevent.sleep(0.05)
    assert incoming.read_now() == b"01234"
    assert incoming.read_now() is None
    gevent.spawn_later(0.05, theirs.sendall, b"56789")
    assert incoming.read() == b"56789"
    assert incoming.complete
    assert incoming.read() == b""
