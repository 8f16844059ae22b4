"""The time limits of one question."""

import time

from app.config import Settings
from app.errors import BotTimeout, UpstreamError


class Deadline:
    """The time limit of a silent bot: FIRST_EVENT_TIMEOUT, then IDLE_TIMEOUT after each event."""

    def __init__(self, settings: Settings, bot: str, first_event_by: float | None) -> None:
        self._settings = settings
        self._bot = bot
        self._started = False
        self._at = first_event_by or time.monotonic() + settings.first_event_timeout

    def renew(self) -> None:
        self._started = True
        self._at = time.monotonic() + self._settings.idle_timeout

    def check(self) -> None:
        """Raises BotTimeout before the bot's first event, UpstreamError after it."""
        if time.monotonic() < self._at:
            return
        if not self._started:
            seconds = self._settings.first_event_timeout
            raise BotTimeout(f"The bot {self._bot!r} did not start within {seconds:g} seconds.")
        seconds = self._settings.idle_timeout
        raise UpstreamError(f"The bot {self._bot!r} sent nothing for {seconds:g} seconds.")
