"""Asks other bots where the first one cannot answer, as long as nothing was sent to the client."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from app.access.client import Client
from app.core.bot_facts import BotFacts
from app.core.conversation import Query
from app.core.events import Batch
from app.errors import ApiError, NotPermitted, PromptTooLong
from app.relay.asking import MAX_ATTEMPTS
from app.relay.reply import Relay, Reply

NewReply = Callable[[Query], Reply]


def answer_with_fallbacks(
    relay: Relay, query: Query, client: Client, *, streaming: bool
) -> "Reply | FallbackReply":
    """The reply of the query's bot; or of one of its fallbacks, the client's or else those of the
    TOML file. Raises NotPermitted for one that the client names and may not ask.
    """
    new_reply = partial(relay.answer, client=client, streaming=streaming)
    named = query.fallbacks or relay.settings.fallbacks_of(query.bot)
    others = [replace(query, model=name, bot=relay.names.bot_named(name)) for name in named]
    allowed = [other for other in others if client.rules.allows(other.bot)]
    if query.fallbacks and len(allowed) < len(others):
        raise NotPermitted(
            "This token may not ask all of the fallbacks.", param="model", code="model_not_allowed"
        )
    if not allowed:
        return new_reply(query)
    seconds = relay.settings.first_event_timeout
    return FallbackReply([query, *allowed], client, new_reply, relay.facts, seconds)


class FallbackReply:
    """The batches of the first bot of several that answers, to be iterated once."""

    def __init__(
        self,
        queries: Sequence[Query],
        client: Client,
        new_reply: NewReply,
        facts: Callable[[str], BotFacts | None],
        seconds: float,
    ) -> None:
        """``seconds``: for how long another bot may be begun with."""
        self._is_fixed = False
        self._queries = queries
        self._client = client
        self._new_reply = new_reply
        self._facts = facts
        self._until = time.monotonic() + seconds
        self._reply = new_reply(queries[0])
        self._batches = self._answer()

    def fixed_model(self) -> str:
        """The name of the bot that answers: the client sees it, so no other is asked any more."""
        self._is_fixed = True
        return self._reply.fixed_model()

    @property
    def warnings(self) -> list[str]:
        return self._reply.warnings

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    def close(self) -> None:
        self._reply.close()

    def prompt_tokens_by_now(self) -> int:
        return self._reply.prompt_tokens_by_now()

    def _answer(self) -> Iterator[Batch]:
        for number, query in enumerate(self._queries):
            if number:
                self._client.visit.fallbacks = number
                self._reply = self._new_reply(query)
            try:
                for batch in self._reply:
                    self._is_fixed = self._is_fixed or bool(batch)
                    yield batch
                return
            except ApiError as error:
                if self._is_fixed or not self._may_ask_another(number, error):
                    raise
                self._reply.close()

    def _may_ask_another(self, number: int, error: ApiError) -> bool:
        if number + 1 == len(self._queries) or time.monotonic() >= self._until:
            return False
        if self._client.visit.attempts >= MAX_ATTEMPTS:
            return False
        if isinstance(error, PromptTooLong):
            return self._has_more_room(self._queries[number], self._queries[number + 1])
        return error.another_bot_may_answer

    def _has_more_room(self, query: Query, following: Query) -> bool:
        known, other = self._facts(query.bot), self._facts(following.bot)
        if not (known and other and known.context_length and other.context_length):
            return False
        return other.context_length > known.context_length
