"""The files of a conversation become attachments that Poe holds."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from os.path import splitext
from typing import IO, Any

import fastapi_poe as fp
import gevent
import httpx
from cachetools import TTLCache
from fastapi_poe.client import upload_file
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from app.core.conversation import Media
from app.errors import ApiError, UpstreamError
from app.poe import greenlet_loop
from app.poe.error_mapping import Asked, failure_of, message_in
from app.poe.file_names import encodable, file_name
from app.poe.session import PoeStatus, status_of

MAX_AT_ONCE = 8
"""Uploads of one request that run side by side."""

UPLOAD_SECONDS = 120.0
"""How long one upload may take, the library's second try included."""

MAX_REMEMBERED, REMEMBERED_SECONDS = 1_000, 3_600.0

OFF_HUB_BYTES = 256_000
"""More than this is hashed in a native thread: a whole history of screenshots takes a while."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "it took too long"),
    (httpx.ConnectError, "Poe's upload server cannot be reached"),
    (httpx.HTTPError, "the connection to Poe's upload server broke"),
)


class Uploader:
    """Uploads by fastapi_poe's own ``upload_file``. Safe to share between greenlets.

    A client sends its whole history again at each turn, so what was uploaded is remembered.
    """

    def __init__(
        self, upload_url: str, transport: httpx.AsyncBaseTransport, pool: Collection[str] = ()
    ) -> None:
        """``upload_url``: the folder of Poe's upload endpoint. ``transport`` stays open.

        ``pool``: the gateway's own keys.
        """
        greenlet_loop.install()
        self._url = upload_url
        self._pool = pool
        self._transport = _Lent(transport)
        self._uploaded = _Shared()

    def attach(self, media: Sequence[Media], key: str) -> list[fp.Attachment]:
        """One attachment for each file, in their order.

        Raises ApiError, with the file's ``param``, as soon as one of them fails; the uploads of
        the others end with it.
        """
        slots = BoundedSemaphore(MAX_AT_ONCE)
        jobs = [gevent.spawn(self._attempt, part, key, slots) for part in media]
        attachments: dict[object, fp.Attachment] = {}
        try:
            for job in gevent.iwait(jobs):
                if isinstance(outcome := job.get(), ApiError):
                    raise outcome
                attachments[job] = outcome
            return [attachments[job] for job in jobs]
        finally:
            gevent.killall(jobs)

    def upload_stream(self, stream: IO[bytes], media: Media, key: str) -> fp.Attachment:
        """The attachment made of what ``stream`` holds, which is never in memory as a whole.

        ``media`` tells all of it but its bytes. Raises ApiError.
        """
        name = file_name(media)
        try:
            return self._upload(name, key, _Stream(stream))
        except Exception as error:
            raise self._translate(error, media, key) from error

    def _attempt(self, media: Media, key: str, slots: BoundedSemaphore) -> fp.Attachment | ApiError:
        """An error is returned, for gevent prints the trace of what a greenlet raises."""
        try:
            with slots:
                return self._attach(media, key)
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that asked
            translated = self._translate(error, media, key)
            translated.__cause__ = error
            return translated

    def _attach(self, media: Media, key: str) -> fp.Attachment:
        name = file_name(media)
        if media.file_id is not None and media.url is not None:
            return fp.Attachment(url=media.url, content_type=media.content_type, name=name)
        digest = _digest(media, name, key)
        uploaded = self._uploaded.get(
            digest, partial(self._upload, name, key, media.data, media.url)
        )
        return uploaded.model_copy(update={"name": name})

    def _upload(
        self, name: str, key: str, file: "bytes | _Stream | None", url: str | None = None
    ) -> fp.Attachment:
        """Raises what the library raises, PoeStatus, and TimeoutError at the limit of time."""
        session = httpx.AsyncClient(
            transport=self._transport, trust_env=False, event_hooks={"response": [_check_status]}
        )
        url = encodable(url) if url else None
        content: Any = file  # a _Stream is all that the library asks of a file
        uploading = upload_file(
            content, url, name, key, session=session, on_error=_end_if_final, base_url=self._url
        )
        try:
            with gevent.Timeout(UPLOAD_SECONDS):
                return greenlet_loop.GreenletLoop().run_until_complete(uploading)
        except gevent.Timeout as limit:
            raise TimeoutError(f"not within {UPLOAD_SECONDS:g} seconds") from limit

    def _translate(self, error: Exception, media: Media, key: str) -> ApiError:
        """The failure of this file's upload, in words that hold neither the key nor its bytes."""
        words = f"The file {file_name(media)!r} at {media.param} could not be uploaded: "
        if not isinstance(error, PoeStatus):
            return UpstreamError(f"{words}{_reason(error)}.", param=media.param)
        asked = Asked("Poe's upload server", key=key, pooled=key in self._pool)
        failure = failure_of(error.status, asked)
        detail = message_in(error.body, asked)
        return failure.error(
            f"{words}{failure.reason} ({detail})." if detail else f"{words}{failure.reason}.",
            param=media.param,
            retry_after=error.retry_after,
            metadata={"upstream_status": error.status},
        )


class _Stream:
    """What upload_file takes for a file and reads at each try: httpx is given the file itself.

    httpx then sends it by blocks, from its start.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self) -> IO[bytes]:
        return self._stream


class _Lent(httpx.AsyncBaseTransport):
    """A transport that outlives the clients it is given to: upload_file closes its client."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class _Shared:
    """Attachments by digest: kept for a time, and each made by one greenlet for all who ask."""

    def __init__(self) -> None:
        self._kept: TTLCache[bytes, fp.Attachment, float] = TTLCache(
            MAX_REMEMBERED, REMEMBERED_SECONDS
        )
        self._flights: dict[bytes, AsyncResult[fp.Attachment]] = {}

    def get(self, digest: bytes, make: Callable[[], fp.Attachment]) -> fp.Attachment:
        """What is kept or being made, else what ``make`` gives. Its failure reaches all who wait.

        Where the greenlet that makes it is killed, one of those who wait takes its place.
        """
        found = self._kept.get(digest)
        while found is None:
            flight = self._flights.get(digest)
            if flight is None:
                return self._make(digest, make)
            found = flight.get()
        return found

    def _make(self, digest: bytes, make: Callable[[], fp.Attachment]) -> fp.Attachment:
        flight = self._flights[digest] = AsyncResult()
        try:
            self._kept[digest] = made = make()
            flight.set(made)
        except Exception as error:
            flight.set_exception(error)
            raise
        finally:
            del self._flights[digest]
            if not flight.ready():
                flight.set(None)  # killed
        return made


def _digest(media: Media, name: str, key: str) -> bytes:
    """Of all that makes an upload another one, so that neither key nor data need be kept."""
    head = [key, splitext(name)[1].lower(), media.content_type, media.url]
    digest, data = hashlib.sha256(json.dumps(head).encode()), media.data or b""
    if len(data) > OFF_HUB_BYTES:
        gevent.get_hub().threadpool.apply(digest.update, (data,))
    else:
        digest.update(data)
    return digest.digest()


async def _check_status(response: httpx.Response) -> None:
    """Raises PoeStatus, which knows more than the library's words for a status."""
    if response.status_code != 200:
        raise await status_of(response)


def _end_if_final(error: Exception, message: str) -> None:
    """What the library calls before it tries again: what is refused once is not sent twice."""
    if isinstance(error, PoeStatus) and error.status < 500:
        raise error


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "Poe's upload server gave an answer that cannot be read"
