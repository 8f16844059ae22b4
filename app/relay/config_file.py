"""Takes a changed TOML file over while the gateway runs."""

import logging
import os
from collections.abc import Callable, Mapping

from app.access.sources import check_ledger
from app.access.tokens import TokenBook, file_tokens
from app.config import ConfigError, Settings, load_settings

log = logging.getLogger("poegate.config")

LOOK_SECONDS = 1.0

Stamp = tuple[int, int, int]


class ConfigFile:
    """``error`` is what is wrong with the file as it stands; None where it was taken over."""

    def __init__(
        self,
        settings: Settings,
        tokens: TokenBook,
        check: Callable[[Settings], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """``check`` raises ConfigError for settings that another part could not use."""
        self._settings = settings
        self._tokens = tokens
        self._check = check
        self._environ = environ
        self._path = environ.get("POEGATE_CONFIG")
        self._stamp = self._stamp_now()
        self.error: str | None = None

    def look(self) -> None:
        """Raises nothing: a file that cannot be used keeps the old settings."""
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            needs_restart = self._take_over()
        except ConfigError as error:
            self.error = str(error)
            log.error("the TOML file cannot be used, the old settings hold: %s", error)
            return
        self.error = None
        log.warning("the TOML file was taken over")
        if needs_restart:
            names = ", ".join(name.upper() for name in needs_restart)
            log.warning("a restart is needed for what changed in: %s", names)

    def _take_over(self) -> list[str]:
        """The names of settings that need a restart. Raises ConfigError, and changes nothing."""
        newer = load_settings(self._environ)
        tokens = file_tokens(newer.tokens)
        check_ledger(self._settings, TokenBook(file=tokens))
        self._check(newer)
        self._tokens.replace_file(tokens)
        return self._settings.take_over(newer)

    def _stamp_now(self) -> Stamp | None:
        """None where there is no file."""
        try:
            facts = os.stat(self._path or "")
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size, facts.st_ino
