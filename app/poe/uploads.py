"""Uploads the files of a conversation to Poe, as attachments."""

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
from app.core.encodable import encodable
from app.errors import ApiError, UpstreamError
from app.poe import greenlet_loop
from app.poe.error_mapping import Asked, failure_of, message_in
from app.poe.file_names import file_name
from app.poe.session import PoeStatus, status_of

MAX_AT_ONCE = 8
"""Parallel uploads of one request."""

UPLOAD_SECONDS = 120.0
"""How long one upload may take, including the library's second attempt."""

MAX_REMEMBERED, REMEMBERED_SECONDS = 1_000, 3_600.0

OFF_HUB_BYTES = 256_000
"""Larger files are hashed in a native thread: a history of screenshots takes a while."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "it took too long"),
    (httpx.ConnectError, "Poe's upload server cannot be reached"),
    (httpx.HTTPError, "the connection to Poe's upload server broke"),
)


class Uploader:
    """Uploads by fastapi_poe's ``upload_file``. Safe to share between greenlets.

    Uploads are remembered, because clients send their whole history at each turn.
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
        self._transport = _SharedTransport(transport)
        self._uploaded = _UploadCache()

    def attach(self, media: Sequence[Media], key: str, owner: str = "") -> list[fp.Attachment]:
        """One attachment for each file, in order.

        ``owner``: for whom an upload is remembered. How long an upload takes would else tell other
        clients of the same key that these bytes were sent before.

        Raises ApiError with the file's ``param`` as soon as one upload fails, and ends the others.
        """
        slots = BoundedSemaphore(MAX_AT_ONCE)
        jobs = [gevent.spawn(self._attempt, part, key, owner, slots) for part in media]
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
        """The attachment made from a stream, which is never in memory as a whole.

        ``media`` describes the file, without its bytes. Raises ApiError.
        """
        name = file_name(media)
        try:
            return self._upload(name, key, _Stream(stream))
        except Exception as error:
            raise self._translate(error, media, key) from error

    def _attempt(
        self, media: Media, key: str, owner: str, slots: BoundedSemaphore
    ) -> fp.Attachment | ApiError:
        """Returns an error, because gevent prints the traceback of what a greenlet raises."""
        try:
            with slots:
                return self._attach(media, key, owner)
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that asked
            translated = self._translate(error, media, key)
            translated.__cause__ = error
            return translated

    def _attach(self, media: Media, key: str, owner: str) -> fp.Attachment:
        name = file_name(media)
        if media.file_id is not None and media.url is not None:
            return fp.Attachment(url=media.url, content_type=media.content_type, name=name)
        digest = _digest(media, name, key, owner)
        uploaded = self._uploaded.get(
            digest, partial(self._upload, name, key, media.data, media.url)
        )
        return uploaded.model_copy(update={"name": name})

    def _upload(
        self, name: str, key: str, file: "bytes | _Stream | None", url: str | None = None
    ) -> fp.Attachment:
        """Raises the library's exceptions, PoeStatus, and TimeoutError after UPLOAD_SECONDS."""
        session = httpx.AsyncClient(
            transport=self._transport, trust_env=False, event_hooks={"response": [_check_status]}
        )
        url = encodable(url) if url else None
        content: Any = file  # the library only calls its read()
        uploading = upload_file(
            content, url, name, key, session=session, on_error=_end_if_final, base_url=self._url
        )
        try:
            with gevent.Timeout(UPLOAD_SECONDS):
                return greenlet_loop.GreenletLoop().run_until_complete(uploading)
        except gevent.Timeout as limit:
            raise TimeoutError(f"not within {UPLOAD_SECONDS:g} seconds") from limit

    def _translate(self, error: Exception, media: Media, key: str) -> ApiError:
        """The error for this file's upload. Its message contains neither the key nor the bytes."""
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
    """A file for upload_file, which reads it at each attempt and passes the result to httpx.

    ``read`` returns the stream itself, which httpx sends in blocks from its start.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self) -> IO[bytes]:
        return self._stream


class _SharedTransport(httpx.AsyncBaseTransport):
    """A transport that stays open when upload_file closes its client."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class _UploadCache:
    """Attachments by digest, kept for REMEMBERED_SECONDS. Concurrent requests share one upload."""

    def __init__(self) -> None:
        self._kept: TTLCache[bytes, fp.Attachment, float] = TTLCache(
            MAX_REMEMBERED, REMEMBERED_SECONDS
        )
        self._flights: dict[bytes, AsyncResult[fp.Attachment]] = {}

    def get(self, digest: bytes, make: Callable[[], fp.Attachment]) -> fp.Attachment:
        """The attachment that is kept or being made, else that of ``make``, whose failure is raised
        for all who wait.

        If the greenlet that makes it is killed, one of the waiting ones takes its place.
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


def _digest(media: Media, name: str, key: str, owner: str) -> bytes:
    """Identifies an upload without keeping its key or data."""
    head = [owner, key, splitext(name)[1].lower(), media.content_type, media.url]
    digest, data = hashlib.sha256(json.dumps(head).encode()), media.data or b""
    if len(data) > OFF_HUB_BYTES:
        gevent.get_hub().threadpool.apply(digest.update, (data,))
    else:
        digest.update(data)
    return digest.digest()


async def _check_status(response: httpx.Response) -> None:
    """Raises PoeStatus, which has more details than the library's error."""
    if response.status_code != 200:
        raise await status_of(response)


def _end_if_final(error: Exception, message: str) -> None:
    """Called by the library before it tries again: raises, unless the status is 5xx."""
    if isinstance(error, PoeStatus) and error.status < 500:
        raise error


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "Poe's upload server gave an answer that cannot be read"
