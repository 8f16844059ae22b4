"""The socket by which gunicorn writes to a client."""

from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from app.http.client_socket import ClientSocket

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[ClientSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    client = ClientSocket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    yield client, theirs
    client.close()
    theirs.close()


def test_a_head_goes_with_what_follows(pair: tuple[ClientSocket, socket.socket]) -> None:
    client, theirs = pair
    client.sendall(HEAD)
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(100)
    theirs.settimeout(5)
    client.sendall(b"2\r\nhi\r\n")
    assert theirs.recv(1000) == HEAD + b"2\r\nhi\r\n"
    client.sendall(b"0\r\n\r\n")
    assert theirs.recv(1000) == b"0\r\n\r\n"


def test_a_head_without_a_body_goes_before_the_next_request(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    client, theirs = pair
    client.sendall(HEAD)
    theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert client.recv(100).startswith(b"GET")
    assert theirs.recv(1000) == HEAD


def test_a_head_without_a_body_goes_before_the_end(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    client, theirs = pair
    client.sendall(HEAD)
    client.close()
    assert theirs.recv(1000) == HEAD
    assert theirs.recv(1000) == b""


def test_what_the_kernel_does_not_take_at_once_is_sent_all_the_same(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    client, theirs = pair
    data = bytes(range(256)) * 20_000
    sending = gevent.spawn(client.sendall, data)
    received = bytearray()
    while len(received) < len(data):
        received += theirs.recv(65_536)
    sending.get(timeout=5)
    assert received == data


def test_a_client_that_has_left_is_no_error_at_the_end(
    pair: tuple[ClientSocket, socket.socket],
) -> None:
    client, theirs = pair
    theirs.close()
    client.sendall(HEAD)
    client.close()
