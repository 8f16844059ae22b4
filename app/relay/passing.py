"""Passes requests on to Poe's own API, and its answers back."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Protocol

from app.access.admission import Admission
from app.access.client import Client
from app.access.pool import PoolKey
from app.access.prices import PriceList
from app.config import Settings
from app.core.events import Usage
from app.core.passed_streams import ToError
from app.errors import ApiError
from app.poe.bot_names import BotNames
from app.poe.error_mapping import Asked, streamed_error
from app.poe.native import NativeApi, NativeRequest
from app.poe.session import Exchange
from app.relay.asking import Asker
from app.relay.at_poe import Place
from app.relay.charging import CHARS_A_TOKEN, charge

Blocks = list[bytes]
"""What arrived together; empty after a second of silence."""


class Reader(Protocol):
    """Reads one answer (``core/passed_streams.py``)."""

    usage: Usage | None
    chars: int
    error: ApiError | None

    @property
    def keepalive(self) -> bytes: ...

    def feed(self, piece: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


NewReader = Callable[[ToError], Reader]


class PassingRelay:
    """One for the worker."""

    def __init__(
        self,
        settings: Settings,
        api: NativeApi,
        asker: Asker,
        admission: Admission,
        prices: PriceList,
        names: BotNames,
    ) -> None:
        self.settings = settings
        self.api = api
        self.asker = asker
        self.admission = admission
        self.prices = prices
        self.names = names

    def place_of(self, client: Client, model: str) -> Place:
        """Where Poe keeps what has just been asked."""
        key = self.asker.digest_of(client.visit.key)
        return Place(key=key, bot=self.names.bot_named(model), model=model)

    def pass_on(
        self,
        request: NativeRequest,
        client: Client,
        new_reader: NewReader,
        *,
        affinity: str = "",
        prompt_chars: int = 0,
        only: PoolKey | None = None,
    ) -> "PassedAnswer":
        """Raises ApiError at once where the client may not ask this bot now.

        ``new_reader`` makes a reader for each attempt. ``affinity``: what the conversation begins
        with. ``prompt_chars``: of the request's texts. ``only``: the key that must be asked.
        """
        self.admission.admit(client, request.bot)
        return PassedAnswer(self, request, client, new_reader, affinity, prompt_chars, only)


class PassedAnswer:
    """The blocks of one answer, to be iterated once. ``reader`` is that of the last attempt.

    Once the first of them is there, the client's visit has the headers of Poe's answer.
    """

    def __init__(
        self,
        relay: PassingRelay,
        request: NativeRequest,
        client: Client,
        new_reader: NewReader,
        affinity: str,
        prompt_chars: int,
        only: PoolKey | None,
    ) -> None:
        self.warnings: list[str] = []
        self._relay = relay
        self._request = request
        self._client = client
        self._new_reader = new_reader
        self._prompt_chars = prompt_chars
        self._has_begun = False
        self._is_charged = False
        self.reader = self._open_reader(client.key)
        self._blocks: Iterator[Blocks] = relay.asker.ask_with(
            self._ask, request.bot, client, affinity, only
        )

    def __iter__(self) -> Iterator[Blocks]:
        yield from self._blocks
        self._charge()

    def close(self) -> None:
        if self._has_begun:
            self._charge()
        close = getattr(self._blocks, "close", None)
        if close is not None:
            close()

    def _ask(self, key: str, exchange: Exchange) -> Generator[Blocks]:
        reader = self.reader = self._open_reader(key)
        with closing(self._relay.api.ask(self._request, key, exchange)) as pieces:
            for piece in pieces:
                # With the first piece they are there, and in time for ours.
                self._client.visit.poe_headers = exchange.answer_headers
                block = reader.feed(piece) if piece else b""
                if block:
                    self._has_begun = True
                    yield [block]
                else:
                    yield []
                if reader.error is not None:
                    raise reader.error
        last = reader.finish()
        if last:
            self._has_begun = True
            yield [last]
        if reader.error is not None:
            raise reader.error

    def _open_reader(self, key: str) -> Reader:
        pooled = key in self._relay.settings.poe_api_keys
        asked = Asked(self._request.asked.subject, "api", key, pooled)
        return self._new_reader(lambda error: streamed_error(error, asked))

    def _charge(self) -> None:
        """What Poe says, else an estimate."""
        if self._is_charged:
            return
        self._is_charged = True
        relay, reader = self._relay, self.reader
        estimate = Usage(self._prompt_chars // CHARS_A_TOKEN, reader.chars // CHARS_A_TOKEN)
        usage = reader.usage or estimate
        charge(relay.settings, relay.prices, self._client, self._request.bot, usage)
