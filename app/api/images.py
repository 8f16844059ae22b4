"""POST /images/generations, /images/edits and /images/variations."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import gevent
from flask import Blueprint, Response, jsonify, request
from gevent.queue import Empty, Queue

from app.api.bot_files import content_type_of, open_bot_file
from app.api.house import house, read_json
from app.api.multipart import is_form, read_form
from app.api.request_record import current_record
from app.api.sse import stream_answer, whole_answers
from app.auth import Lease
from app.config import Settings
from app.core.conversation import Query
from app.core.events import Batch, Batches, ChoiceEvent, Finished, MediaReply, Usage
from app.dialects import images
from app.dialects.made_files import only_files
from app.errors import ApiError
from app.poe.downloads import Budget
from app.relay import Reply
from app.schemas.images import EditSchema, GenerationSchema, VariationSchema
from app.schemas.loading import BaseSchema, load_payload

MOST_BYTES_INLINE = 50_000_000
"""What the files of one answer may have together where it carries them itself."""

TICK_SECONDS = 1.0
MOST_WAITING = 16

blueprint = Blueprint("images", __name__)


@blueprint.post("/images/generations")
def create_image() -> Response:
    return _answer(GenerationSchema(), "image_generation")


@blueprint.post("/images/edits")
def edit_image() -> Response:
    return _answer(EditSchema(), "image_edit")


@blueprint.post("/images/variations")
def vary_image() -> Response:
    return _answer(VariationSchema(), "image_edit")


def _answer(schema: BaseSchema, kind: images.Kind) -> Response:
    lease = house().gatekeeper.lease(request)
    payload = load_payload(schema, read_form(schema) if is_form() else read_json())
    settings = house().settings
    query = images.parse(payload, type(schema), settings.bot_named, settings.image_model)
    current_record().model = query.model
    choices, created = payload["n"] or 1, int(time.time())
    inline = payload["response_format"] == "b64_json"
    if payload["stream"]:
        inline = payload["response_format"] != "url"
        reply = _pictures(query, lease, choices, inline=inline)
        encoder = images.Encoder(kind, payload, created=created, inline=inline, choices=choices)
        return stream_answer(reply, encoder, settings)
    answers = whole_answers(_pictures(query, lease, choices, inline=inline), choices)
    return jsonify(images.render(answers, created=created, inline=inline))


def _pictures(query: Query, lease: Lease, choices: int, *, inline: bool) -> "Gathered":
    relay = house().relay
    budget = Budget(MOST_BYTES_INLINE)
    bring = partial(_bring_in, settings=house().settings, budget=budget) if inline else _leave
    replies = [
        relay.answer(query, lease, streaming=False, media_in_text=False) for _ in range(choices)
    ]
    return Gathered(replies, partial(only_files, bot=query.model, bring=bring))


def _leave(file: MediaReply) -> MediaReply:
    return file


def _bring_in(file: MediaReply, *, settings: Settings, budget: Budget) -> MediaReply:
    """The same file, its bytes in a data URL. Raises UpstreamError."""
    opened = open_bot_file(file.url, settings)
    kind = content_type_of(opened, file)
    data_url = f"data:{kind};base64,{b64encode(opened.read(budget)).decode()}"
    return replace(file, url=data_url, content_type=kind)


class Gathered:
    """Replies to the same query, side by side: those that fail are left out, unless all do.

    A single reply as it is; several as ChoiceEvents, then one Finished with the sum of usage.
    """

    def __init__(
        self, replies: Sequence[Reply], stage: Callable[[Batches], Iterator[Batch]]
    ) -> None:
        self._replies = replies
        self._stage = stage
        self._inbox: Queue[tuple[int, Batch | Exception]] = Queue(maxsize=MOST_WAITING)
        self._pumps: list[gevent.Greenlet[[int, Reply], None]] = []
        self._batches = self._gather()

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    def close(self) -> None:
        """Ends the connections to all the bots: a pump that is killed closes its reply."""
        gevent.killall(self._pumps, block=False)

    def _gather(self) -> Iterator[Batch]:
        """Raises the first reply's ApiError where all of them fail."""
        self._pumps = [
            gevent.spawn(self._pump, index, reply) for index, reply in enumerate(self._replies)
        ]
        usages: list[Usage] = []
        faults: dict[int, ApiError] = {}
        while len(usages) + len(faults) < len(self._replies):
            index, batch = self._take()
            if isinstance(batch, ApiError):
                faults[index] = batch
            elif isinstance(batch, Exception):
                raise batch
            else:
                usages += [event.usage for event in batch if isinstance(event, Finished)]
                yield self._numbered(index, batch)
        if not usages:
            raise faults[min(faults)]
        yield self._end(usages, faults)

    def _take(self) -> tuple[int, Batch | Exception]:
        """What comes next; an empty batch after a second of nothing."""
        try:
            return self._inbox.get(timeout=TICK_SECONDS)
        except Empty:
            return 0, []

    def _numbered(self, index: int, batch: Batch) -> Batch:
        if len(self._replies) == 1:
            return batch
        return [ChoiceEvent(index, event) for event in batch]

    def _end(self, usages: list[Usage], faults: dict[int, ApiError]) -> Batch:
        """Those that failed end too: empty."""
        if len(self._replies) == 1:
            return []
        nothing = Finished("stop", Usage(0, 0))
        ends: Batch = [ChoiceEvent(index, nothing) for index in faults]
        return [*ends, Finished("stop", sum(usages, Usage(0, 0)))]

    def _pump(self, index: int, reply: Reply) -> None:
        try:
            for batch in self._stage(reply):
                self._inbox.put((index, batch))
        except Exception as error:  # noqa: BLE001 - handed to the greenlet that serves the client
            self._inbox.put((index, error))
        finally:
            reply.close()
