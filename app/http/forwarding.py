"""Passes a request on to Poe's own API, where that is its way."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Response, request

from app.access.client import Client
from app.access.pool import PoolKey
from app.core.events import MediaReply, Usage
from app.core.passed_streams import FileReader, StreamReader, ToError, WholeReader
from app.core.upstream import Decision, Obstacle, decide, first_user_text, text_chars
from app.errors import ApiError, NotFound
from app.http.bot_files import content_type_of, send_bot_file
from app.http.incoming import fallbacks_in, note_request
from app.http.presence import Presence
from app.http.request_log import current_record
from app.http.services import services
from app.http.streaming import PassedEncoder, stream_answer, whole_body
from app.poe.native import NativeRequest, native_request
from app.relay.asking import AFFINITY_CHARS
from app.relay.at_poe import KeptAtPoe, Place
from app.relay.passing import NewReader, PassedAnswer
from app.schemas.fields import is_model_name

Body = dict[str, Any]
NO_FILE = MediaReply("", "", "")


class Continuation(NamedTuple):
    """What a request goes on from. ``place``: where Poe keeps that, None where it does not.

    ``obstacle``: the gateway itself keeps it.
    """

    place: Place | None = None
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class NativeFormat:
    """What a wire format tells of its endpoint at Poe.

    ``obstacle_in`` finds what only the gateway can do. ``new_stream`` makes a reader of frames, and
    ``usage_in`` reads an answer that is one object.
    """

    endpoint: str
    obstacle_in: Callable[[Body], Obstacle | None]
    usage_in: Callable[[Mapping[str, Any]], Usage | None]
    new_stream: Callable[[str, ToError], StreamReader] | None = None


def pass_on(
    native: NativeFormat,
    body: Any,
    client: Client,
    *,
    continuation: Callable[[Body], Continuation] = lambda body: Continuation(),
    keep: Callable[[Mapping[str, Any]], None] = lambda answer: None,
) -> Response | None:
    """Poe's answer, or None for a request that goes to the bot. Raises ApiError.

    ``body``: the request's JSON. ``keep`` gets an answer that is one object.
    """
    if not isinstance(body, dict) or not is_model_name(body.get("model")):
        return None
    bot, effort = services().names.read(body["model"])
    setting = services().settings.upstream_of(bot)
    if setting == "bot":
        return None
    goes_on, facts = continuation(body), services().catalog.facts(bot)
    ours = Obstacle("an effort at the name's end", "model") if effort else _others_in(body)
    decision = decide(
        setting,
        native.endpoint,
        is_own_bot=services().settings.url_of(bot) is not None,
        listed=None if facts is None else (facts.endpoints or ()),
        obstacle=ours or native.obstacle_in(body) or goes_on.obstacle,
        goes_on=goes_on.place is not None,
    )
    note_decision(decision)
    if not decision.by_api:
        return None
    note_request(body["model"], body.get("prompt_cache_key"))
    sent = native_request(
        bot, native.endpoint, {**body, "model": bot}, dict(request.headers.items())
    )
    try:
        answer = services().passing.pass_on(
            sent,
            client,
            _reader(native, body),
            affinity=first_user_text(body, AFFINITY_CHARS),
            prompt_chars=text_chars(body),
            only=key_at(goes_on.place, client),
        )
        if isinstance(answer.reader, StreamReader):
            return stream_answer(answer, partial(PassedEncoder, answer), services().settings)
        data = whole_body(answer)
    except ApiError as error:
        others = services().settings.fallbacks_of(bot) if native.new_stream else ()
        if setting == "api" or goes_on.place or not others or not error.another_bot_may_answer:
            raise
        # Nothing was sent yet. The bot is asked as a bot then, and after it the others.
        note_decision(Decision(False, f"Poe's own API answered {error.status}"))
        return None
    if isinstance(answer.reader, WholeReader):
        keep(answer.reader.body)
    return Response(data, mimetype="application/json")


def _others_in(body: Body) -> Obstacle | None:
    if not fallbacks_in(body):
        return None
    return Obstacle("other models in its place", "models" if body.get("models") else "fallbacks")


def note_decision(decision: Decision) -> None:
    """For a header and the log."""
    current_record().upstream = str(decision)


def _reader(native: NativeFormat, body: Body) -> Callable[[ToError], StreamReader | WholeReader]:
    model = body["model"]
    new_stream = native.new_stream
    if new_stream is not None and body.get("stream") is True:
        return lambda to_error: new_stream(model, to_error)
    return lambda to_error: WholeReader(model, to_error, native.usage_in)


def forward(
    place: Place, client: Client, body: Body | None = None
) -> tuple[Response, dict[str, Any]]:
    """Poe's answer to the request at hand, about something that Poe keeps; and its JSON.

    ``body``: the request's, if it has one.
    """
    answer = _ask_again(
        place,
        client,
        _same_request(place, body),
        lambda to_error: WholeReader(place["model"], to_error, lambda body: Usage(0, 0)),
    )
    data = whole_body(answer)
    found = answer.reader.body if isinstance(answer.reader, WholeReader) else {}
    return Response(data, mimetype="application/json"), found


def forward_file(place: Place, client: Client) -> Response:
    """A file that Poe keeps, as it comes."""
    sent = replace(_same_request(place, None), is_file=True)
    answer = _ask_again(place, client, sent, lambda to_error: FileReader())
    file = PassedFile(answer, client)
    return send_bot_file(file, content_type_of(file, NO_FILE))


def _same_request(place: Place, body: Body | None) -> NativeRequest:
    query = request.query_string.decode("latin-1")
    path = f"/v1{quote(request.path)}{'?' if query else ''}{query}"
    if body is not None:
        return native_request(place["bot"], path, body, dict(request.headers.items()))
    return NativeRequest(place["bot"], path, request.method)


def _ask_again(
    place: Place, client: Client, sent: NativeRequest, new_reader: NewReader
) -> PassedAnswer:
    """By the key that Poe keeps it for."""
    note_decision(Decision(True, "Poe keeps it"))
    note_request(place["model"], None)
    return services().passing.pass_on(sent, client, new_reader, only=key_at(place, client))


class PassedFile:
    """A file of Poe's own API, read once; its first piece is there at once."""

    def __init__(self, answer: PassedAnswer, client: Client) -> None:
        self._blocks = iter(answer)
        self._answer = answer
        with Presence(request.environ).awaited():
            self._first = next((block for block in self._blocks if block), [])
        headers = client.visit.poe_headers
        self.content_type = headers.get("content-type", "")
        length = headers.get("content-length", "")
        self.length = int(length) if length.isdecimal() and len(length) < 16 else None

    def __iter__(self) -> Iterator[bytes]:
        yield from self._first
        for blocks in self._blocks:
            yield from blocks

    def close(self) -> None:
        self._answer.close()


def kept_at_poe(client: Client) -> KeptAtPoe:
    return KeptAtPoe(services().store, client.owner)


def key_at(place: Place | None, client: Client) -> PoolKey | None:
    """The key that must be asked; None where any can be. Raises NotFound where it is gone."""
    if place is None or not client.has_token:
        return None
    key = services().relay.asker.pool_key(place["key"])
    if key is None:
        raise NotFound(
            "The Poe key by which this is kept is not among this gateway's any more. "
            "Send the whole conversation.",
            code="previous_response_not_found",
        )
    return key
