"""A client's connection, written to by as few system calls as there is something to see."""

from typing import Any

from gevent import socket


class ClientSocket(socket.socket):
    """In the place of gevent's own socket, for gunicorn.

    gevent's ``sendall`` asks the kernel for the size of the socket's buffer before each write.
    gunicorn writes the head of a response and the first piece of its body one after the other:
    here the head waits for what is written next, or for the end of the response, when gunicorn
    reads the next request or closes the connection.
    """

    __slots__ = ("_head",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head = b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data[:7] == b"HTTP/1." and data[-4:] == b"\r\n\r\n":
            self._head = bytes(data)
            return
        try:
            sent = self._sock.send(data, flags)  # type: ignore[attr-defined]  # the stub lacks it
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)

    def send(self, data: Any, flags: int = 0, **options: Any) -> int:
        self._flush()
        sent: int = super().send(data, flags, **options)
        return sent

    def recv(self, *args: Any) -> bytes:
        self._flush()
        received: bytes = super().recv(*args)
        return received

    def shutdown(self, how: int) -> None:
        self._flush()
        super().shutdown(how)

    def close(self) -> None:
        try:
            self._flush()
        except OSError:
            pass  # the client has left
        super().close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            super().sendall(head)
