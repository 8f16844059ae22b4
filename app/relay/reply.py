"""Combines the bot's client, the tool adapter and the stages into one answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from app.access.admission import Admission
from app.access.client import Client
from app.access.prices import PriceList
from app.config import Settings
from app.core.bot_facts import BotFacts
from app.core.conversation import OutputFormat, Query
from app.core.events import Batch, Batches, Finished, ReasoningDelta, TextDelta, Usage
from app.core.fitting import EFFORT, Fitted, fit
from app.core.json_output.instruct import instruct
from app.core.json_output.verdict import Verdict
from app.core.stages.attachments import attach_media
from app.core.stages.hold import hold_until_end
from app.core.stages.limits import end_at_cut, limit_tokens, stop_at
from app.core.stages.order_calls import drop_repeated_calls
from app.core.stages.reasoning import split_reasoning
from app.core.stages.replacements import settle_replacements
from app.core.stages.retry_format import FormatNotMet, needs_format, retry_format
from app.core.stages.surrogates import join_surrogates
from app.core.stages.usage import count_usage
from app.core.tools.base import ToolAdapter
from app.errors import InvalidRequest, PromptTooLong, UpstreamError
from app.poe.bot_names import BotNames
from app.relay.asking import Asker
from app.relay.charging import CHARS_A_TOKEN, charge
from app.relay.checker import Checker
from app.relay.counting import Count, PromptCounter, count_off_hub
from app.relay.tool_adapters import Adapters

UNCHECKED = "the answer took too long to check against its schema"


class Relay:
    """Answers queries. One per worker; safe to share between greenlets."""

    def __init__(
        self,
        settings: Settings,
        asker: Asker,
        admission: Admission,
        prices: PriceList,
        names: BotNames,
        facts: Callable[[str], BotFacts | None],
    ) -> None:
        """``facts``: what is known of a bot now. Raises ConfigError for an unknown adapter."""
        self.settings = settings
        self.asker = asker
        self.admission = admission
        self.prices = prices
        self.counter = PromptCounter()
        self.checker = Checker()
        self.adapters = Adapters(settings, facts)
        self.names = names
        self.facts = facts

    def fit(self, query: Query) -> Fitted:
        """The query as its bot takes it, by what is known of that bot now."""
        effort = self.names.read(query.model).effort
        if effort is not None and EFFORT not in query.parameters:
            query = replace(query, parameters={EFFORT: effort, **query.parameters})
        return fit(query, self.facts(query.bot), self.settings.web_search_bot)

    def count_prompt(self, query: Query) -> int:
        """Tokens of the prompt as the bot would get it, including tools."""
        query = self.fit(query).query
        adapter, *_ = self.adapters.of(query)
        return self.counter.begin(adapter.prepare(instruct(query)).messages)()

    def answer(
        self, query: Query, client: Client, *, streaming: bool, media_in_text: bool = True
    ) -> "Reply":
        """The reply's batches. Iterating raises ApiError.

        Raises ApiError at once where the client may not ask this bot now.

        ``media_in_text``: files become markdown in the text; else they stay MediaReply events.
        """
        query, warnings = self.fit(query)
        self.admission.admit(client, query.bot)
        reply = Reply(self, query, client, streaming=streaming, media_in_text=media_in_text)
        reply.warnings += warnings
        return reply


class Reply:
    """The batches of one answer, to be iterated once, Finished at their end.

    ``close`` ends the connection to the bot. It is safe at any time, also before the first batch
    and after the last.
    """

    def __init__(
        self, relay: Relay, query: Query, client: Client, *, streaming: bool, media_in_text: bool
    ) -> None:
        self._relay = relay
        self._media_in_text = media_in_text
        self._model = query.model
        self._bot = query.bot
        self._client = client
        self._received_chars = 0
        self._has_begun = False
        self._is_charged = False
        # An answer that may have to be asked for again cannot be streamed.
        self._streaming = streaming and not needs_format(query)
        self._upstream: Iterator[Batch] = iter(())
        self._prompts: list[Count] = []
        self.warnings: list[str] = []
        self._batches = self._answer(query)

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    def close(self) -> None:
        self._charge_what_broke_off()
        self._close_upstream()

    def _close_upstream(self) -> None:
        close = getattr(self._upstream, "close", None)  # a generator, once it is there
        if close is not None:
            close()

    def fixed_model(self) -> str:
        """The name of the model that answers, as the client wrote it."""
        return self._model

    def prompt_tokens_by_now(self) -> int:
        """Tokens of the prompt if they are already counted, else 0: the stream must not wait."""
        return sum(count.if_ready() for count in self._prompts)

    def _answer(self, query: Query) -> Iterator[Batch]:
        batches = self._retry_format(query) if needs_format(query) else self._ask(query)
        batches = count_usage(
            batches,
            prompt_tokens=self._prompt_tokens,
            count=count_off_hub,
            stage=attach_media if self._media_in_text else iter,
        )
        return self._charged(batches)

    def _ask(self, query: Query) -> Iterator[Batch]:
        """The bot's reply after all stages. A bot that refuses tools in one way is asked again."""
        adapter, *others = self._relay.adapters.of(query)
        return self._ask_in_turn(query, adapter, others) if others else self._ask_by(query, adapter)

    def _ask_in_turn(
        self, query: Query, adapter: ToolAdapter, others: list[ToolAdapter]
    ) -> Iterator[Batch]:
        try:
            yield from self._ask_by(query, adapter)
        except InvalidRequest as error:
            if self._has_begun or isinstance(error, PromptTooLong):
                raise
            self._relay.adapters.note_refusal(query.bot)
            self._prompts.pop()
            yield from self._ask_by(query, others[0])

    def _ask_by(self, query: Query, adapter: ToolAdapter) -> Iterator[Batch]:
        """Asks the bot once and applies the stages to its reply."""
        asked = adapter.prepare(instruct(query))
        self._prompts.append(self._relay.counter.begin(asked.messages))
        self._upstream = self._relay.asker.ask(asked, self._client)
        batches = settle_replacements(join_surrogates(self._metered(self._upstream)))
        stages = partial(self._stages, query=query, adapter=adapter)
        return stages(batches) if self._streaming else hold_until_end(batches, stages)

    def _stages(self, batches: Batches, query: Query, adapter: ToolAdapter) -> Iterator[Batch]:
        batches = split_reasoning(batches, mode=self._relay.settings.reasoning)
        batches = drop_repeated_calls(adapter.parse(batches, query))
        batches = stop_at(batches, query.stop)
        if query.max_tokens is not None:
            batches = limit_tokens(batches, query.max_tokens)
        return end_at_cut(batches, self._close_upstream)

    def _retry_format(self, query: Query) -> Iterator[Batch]:
        self._check_schema(query.output_format)
        try:
            yield from retry_format(self._ask, query, self._settle, self.warnings.append)
        except FormatNotMet as error:
            raise UpstreamError(str(error), retryable=False) from error

    def _check_schema(self, output_format: OutputFormat | None) -> None:
        """Raises InvalidRequest for a schema that cannot be used."""
        if output_format is None or output_format.schema is None:
            return
        if fault := self._relay.checker.fault_of(output_format.schema):
            param = output_format.param
            raise InvalidRequest(f"{param}: {fault}", param=param)

    def _settle(self, text: str, output_format: OutputFormat) -> Verdict:
        verdict = self._relay.checker.settle(text, output_format)
        if verdict.unchecked:
            self.warnings.append(UNCHECKED)
        return verdict

    def _prompt_tokens(self) -> int:
        return sum(count() for count in self._prompts)

    def _metered(self, batches: Batches) -> Iterator[Batch]:
        """The same batches: how much came is known also of what breaks off."""
        for batch in batches:
            self._has_begun = self._has_begun or bool(batch)
            for event in batch:
                if isinstance(event, TextDelta | ReasoningDelta):
                    self._received_chars += len(event.text)
            yield batch

    def _charged(self, batches: Batches) -> Iterator[Batch]:
        """The same batches, their usage noted for the ledger, and its cost in it if so set."""
        for batch in batches:
            if batch and isinstance(batch[-1], Finished):
                finished = batch[-1]
                points = self._charge(finished.usage)
                if self._relay.settings.cost_in_usage and points is not None:
                    finished = replace(finished, usage=replace(finished.usage, points=points))
                batch = [*batch[:-1], finished]
            yield batch

    def _charge(self, usage: Usage) -> float | None:
        """The estimate of its points, None where nobody knows the price."""
        self._is_charged = True
        return charge(self._relay.settings, self._relay.prices, self._client, self._bot, usage)

    def _charge_what_broke_off(self) -> None:
        if self._received_chars and not self._is_charged:
            completion = self._received_chars // CHARS_A_TOKEN
            self._charge(Usage(self.prompt_tokens_by_now(), completion))
