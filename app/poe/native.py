"""Asks Poe's own API: bytes go there, and the bytes of its answers come back as they arrive.

What they mean is read in the folder of each wire format.
"""

import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import gevent

from app.config import Settings
from app.core import turns
from app.errors import ApiError, UpstreamError
from app.poe.deadline import Deadline
from app.poe.error_mapping import Asked, translate_error
from app.poe.pacing import Turn
from app.poe.session import (
    AnswerTooLarge,
    Exchange,
    Wire,
    encode_json,
    parsed_url,
    status_of_incoming,
)
from app.poe.silence import TICK_SECONDS
from app.poe.transport import BLOCK_BYTES, Incoming

PASSED_HEADERS = ("anthropic-version", "anthropic-beta", "openai-beta", "poe-feature")
"""What a client's headers say of its body, and of the answer that it understands."""


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """One request to Poe's API. ``path``: below POE_API_URL, with its query string.

    ``bot`` is who answers, for words and time limits. ``is_file``: the answer is a file that is
    passed on as it comes, for which MAX_ANSWER_MB does not hold.
    """

    bot: str
    path: str
    method: str = "POST"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_file: bool = False

    @property
    def asked(self) -> Asked:
        return Asked(f"the bot {self.bot!r}", "api")


def native_request(
    bot: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> NativeRequest:
    """A POST of ``body``. ``headers``: those of the client."""
    data = encode_json(body)
    turns.after(len(data))
    sent = {name.lower(): value for name, value in headers.items()}
    passed = {name: sent[name] for name in PASSED_HEADERS if name in sent}
    return NativeRequest(bot, path, "POST", data, {**passed, "content-type": "application/json"})


class NativeApi:
    """One for the worker; safe to share between greenlets."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self._settings = settings
        self._wire = wire

    def ask(self, request: NativeRequest, key: str, exchange: Exchange) -> Generator[bytes]:
        """The body of the answer in pieces. b"" comes after each TICK_SECONDS of silence.

        ``exchange.answer_headers`` are there with the first piece. Raises ApiError for all that
        goes wrong, any other status than 200 included. Closing the iterator ends the connection.
        """
        if not key:
            raise UpstreamError("This gateway has no Poe key (POE_API_KEYS) to ask Poe with.")
        pooled = key in self._settings.poe_api_keys
        asked = Asked(request.asked.subject, "api", key, pooled)
        deadline = Deadline(self._settings, request.bot, exchange.first_event_by)
        call = _Call()
        opening = gevent.spawn(self._open, call, request, key, exchange)
        try:
            while not opening.ready():
                opening.join(TICK_SECONDS)
                if not opening.ready():
                    deadline.check()
                    yield b""
            yield from self._pieces(call, request, deadline)
        except ApiError:
            raise
        except Exception as error:
            raise translate_error(error, asked) from error
        finally:
            opening.kill(block=False)
            self._close(call)

    def _open(self, call: "_Call", request: NativeRequest, key: str, exchange: Exchange) -> None:
        """In a greenlet of its own: Poe may think before it sends a status, and the client is to
        hear something meanwhile."""
        url = parsed_url(self._settings.poe_api_url + request.path)
        headers = {"authorization": f"Bearer {key}", **request.headers, **exchange.headers}
        incoming = None
        try:
            incoming = self._wire.transport.send(request.method, url, headers, request.body)
            exchange.answer_headers = {name.lower(): text for name, text in incoming.headers}
            if incoming.status != 200:
                raise status_of_incoming(incoming)
            call.incoming, incoming = incoming, None
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that asked
            call.error = error
        finally:
            if incoming is not None:
                incoming.release()

    def _pieces(self, call: "_Call", request: NativeRequest, deadline: Deadline) -> Iterator[bytes]:
        if call.error is not None:
            raise call.error
        assert call.incoming is not None
        read, receive, pacer, turn = (
            call.incoming.read,
            self._wire.silence.receive,
            self._wire.pacer,
            Turn(),
        )
        left = math.inf if request.is_file else self._settings.max_answer_mb * 1_000_000
        pacer.streams += 1
        call.is_counted = True
        data: bytes | None = b""
        while True:
            turn.give_way()
            # A read that was full may have left something; after any other there is nothing yet.
            if data and len(data) < BLOCK_BYTES and (pause := pacer.pause()):
                gevent.sleep(pause)
            data = receive(read)
            if data is None:
                deadline.check()
                yield b""
                continue
            if not data:
                return
            left -= len(data)
            if left < 0:
                raise AnswerTooLarge
            if data[:1] != b":" or b"data:" in data:  # a comment is no event
                deadline.renew()
            else:
                deadline.check()
            yield data

    def _close(self, call: "_Call") -> None:
        if call.is_counted:
            self._wire.pacer.streams -= 1
        if call.incoming is not None:
            with suppress(OSError):
                call.incoming.release()


class _Call:
    """The answer to one request, or why there is none."""

    def __init__(self) -> None:
        self.incoming: Incoming | None = None
        self.error: Exception | None = None
        self.is_counted = False
