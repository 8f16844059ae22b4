"""The settings: read once from the environment and, where POEGATE_CONFIG names one, a TOML file."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import quote

Pairs = tuple[tuple[str, str], ...]
REASONING_MODES = ("split", "inline", "drop")
UPSTREAMS = ("bot", "api", "auto")


class ConfigError(ValueError):
    """A setting that cannot be used. The message names it."""


MAX_FALLBACKS = 3
"""Models that may answer in place of one."""


@dataclass(frozen=True, slots=True)
class BotRule:
    """One row of the TOML file's ``[bot]`` table, for the names that match its glob."""

    glob: str
    alias_of: str | None = None
    tool_adapter: str | None = None
    fallback: tuple[str, ...] = ()
    upstream: str | None = None


def is_credential(secret: str) -> bool:
    """Whether a text can be a key or a token: plain visible ASCII."""
    return secret.isascii() and secret.isprintable() and " " not in secret and secret != ""


def _text_list(value: Any) -> tuple[str, ...]:
    """A TOML list, a JSON list or a comma-separated string, as a tuple of stripped texts."""
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("expected a list of texts")
    return tuple(item.strip() for item in value if item.strip())


def _pairs(value: Any) -> Pairs:
    """A TOML table, a JSON object or ``a=b,c=d``, as pairs in their order."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = json.loads(value)
    if isinstance(value, dict):
        return tuple((str(key).strip(), str(item).strip()) for key, item in value.items())
    pairs = [entry.partition("=") for entry in _text_list(value)]
    for number, (name, _, rest) in enumerate(pairs, 1):
        if not (name.strip() and rest.strip()):  # not shown, because it may contain an access key
            raise ValueError(f"expected name=value pairs, and entry {number} is none")
    return tuple((name.strip(), rest.strip()) for name, _, rest in pairs)


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return str(value)

    return read


def _switch(value: Any) -> bool:
    """``on`` or ``off``; in a TOML file true or false as well."""
    if value in ("on", "off"):
        return bool(value == "on")
    if not isinstance(value, bool):
        raise ValueError("expected on or off")
    return value


def _rate_limit(value: Any) -> str:
    """``60/minute``, ``1000 per hour``: as the ``limits`` library writes them."""
    match = re.fullmatch(
        r"\s*(\d{1,9})\s*(?:/|per)\s*(\d{1,6}\s*)?(second|minute|hour|day)s?\s*", str(value)
    )
    if match is None or int(match[1]) == 0 or (match[2] and int(match[2]) == 0):
        raise ValueError("expected requests in a time, such as 60/minute")
    return str(value).strip()


def _up_to(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number: int = _number(int, value)
        if not 0 <= number <= most:
            raise ValueError(f"expected a whole number from 0 to {most}, not {value!r}")
        return number

    return read


def _positive(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        number = _number(kind, value)
        if not 0 < number < float("inf"):
            raise ValueError(f"expected a number above 0, not {value!r}")
        return number

    return read


def _pause_ms(value: Any) -> float:
    pause: float = _number(float, value)
    if not 0 <= pause <= 1000:
        raise ValueError(f"expected 0 to 1000 milliseconds, not {value!r}")
    return pause


def _port(value: Any) -> int:
    port: int = _number(int, value)
    if not 0 <= port <= 65535:
        raise ValueError(f"expected a port from 0 to 65535, not {value!r}")
    return port


def _number(kind: Callable[[Any], Any], value: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        words = "a whole number" if kind is int else "a number"
        raise ValueError(f"expected {words}, not {value!r}") from error


def _base_url(value: Any) -> str:
    if not str(value).startswith(("http://", "https://")):
        raise ValueError("expected an http:// or https:// address")
    return str(value)


def _redis_url(value: Any) -> str:
    if not str(value).startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("expected a redis:// address")
    return str(value)


def _folder_url(value: Any) -> str:
    """A base URL for names, with or without a slash at its end."""
    return _base_url(value).rstrip("/") + "/"


class Group(StrEnum):
    """The headings of docs/settings.md, in their order."""

    ACCESS = "Who may ask"
    LISTENING = "Where the gateway listens"
    BOTS = "Bots"
    LIMITS = "Times and limits"
    STATE = "What is kept"
    COUNTS = "What is counted and shown"
    POE = "The way to Poe"


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read and described; docs/settings.md is made from these.

    ``read`` turns the text of a variable, or the value in the TOML file, into the setting's value.
    It raises ValueError, whose message says what is expected; a message never repeats a secret.
    ``description`` is Markdown: one table cell. ``default`` is shown instead of the field's own.
    """

    group: Group
    read: Callable[[Any], Any]
    description: str
    default: str = ""


def _setting(
    group: Group,
    read: Callable[[Any], Any],
    default: Any,
    description: str,
    *,
    secret: bool = False,
    shown: str = "",
) -> Any:
    """A field of Settings. The value of a secret one does not show in logs and error reports."""
    about = {"setting": Setting(group, read, description, shown)}
    return field(default=default, repr=not secret, metadata=about)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the gateway. Times are seconds.

    Frozen, but for ``take_over``: what a changed TOML file says is taken over without a restart.
    A new setting is one field here; deploy/poegate.env.sample and deploy/poegate.toml.sample get a
    line each, and ``make map`` writes docs/settings.md anew.
    """

    poe_api_keys: tuple[str, ...] = _setting(
        Group.ACCESS,
        _text_list,
        (),
        "your Poe keys (<https://poe.com/api_key>), comma-separated or a JSON list. Unset: each "
        "client sends its own Poe key",
        secret=True,
    )
    access_tokens: tuple[str, ...] = _setting(
        Group.ACCESS,
        _text_list,
        (),
        "what clients must send as their API key, `text` or `name:text`, comma-separated or a JSON "
        "list; tokens or `STORED_TOKENS` are required where `POE_API_KEYS` is set. Tokens with "
        "limits are in the TOML file's `[token]` tables",
        secret=True,
    )
    stored_tokens: bool = _setting(
        Group.ACCESS,
        _switch,
        False,
        "`on`: tokens can also be made with `python -m app tokens` and the admin API; their "
        "digests are kept with the state",
    )
    admin_token: str | None = _setting(
        Group.ACCESS,
        str,
        None,
        "what the operator sends to `/admin`. Unset: there is no `/admin`",
        secret=True,
    )
    pool_tries: int = _setting(
        Group.ACCESS,
        _positive(int),
        3,
        "how many keys of `POE_API_KEYS` one request may try before its answer begins",
    )
    pool_history: Literal["admin", "all"] = _setting(
        Group.ACCESS,
        _one_of("admin", "all"),
        "admin",
        "who is shown the points and the history of `POE_API_KEYS` at `/usage`: `admin` (with "
        "`ADMIN_TOKEN`) or `all` tokens",
    )
    rate_limit: str | None = _setting(
        Group.ACCESS,
        _rate_limit,
        None,
        "requests of a client that sends its own Poe key, such as `60/minute`. Tokens have limits "
        "of their own",
    )
    rate_limit_by: Literal["address", "key"] = _setting(
        Group.ACCESS,
        _one_of("address", "key"),
        "address",
        "whether `RATE_LIMIT` counts by the client's `address` or by its `key`",
    )
    proxy_hops: int = _setting(
        Group.ACCESS,
        _up_to(20),
        0,
        "how many proxies before the gateway are trusted to name the client's address in "
        "`X-Forwarded-For`: 1 behind nginx, 0 without a proxy",
    )
    cors_origins: tuple[str, ...] = _setting(
        Group.ACCESS,
        _text_list,
        (),
        "origins of the web pages that may call the gateway from a browser; `*` is all of them",
        shown="all; but bots of `BOT_URLS` only where they need an access token",
    )
    host: str = _setting(
        Group.LISTENING,
        str,
        "127.0.0.1",
        "address to listen on. `127.0.0.1`: this machine only; `0.0.0.0`: every network",
    )
    port: int = _setting(Group.LISTENING, _port, 8000, "port to listen on")
    page: bool = _setting(
        Group.LISTENING,
        _switch,
        True,
        "`on`: browsers get a page at `/` to try bots, look at models and usage and manage tokens; "
        "`off`: there is nothing at `/`",
        shown="`on`",
    )
    web_concurrency: int = _setting(
        Group.LISTENING,
        _positive(int),
        1,
        "worker processes. One holds a thousand streams; more help where it fills a CPU core",
    )
    bot_urls: Pairs = _setting(
        Group.BOTS,
        lambda value: tuple((name, _base_url(url)) for name, url in _pairs(value)),
        (),
        "`name=url` pairs, comma-separated or a JSON object: bots of your own, asked without Poe. "
        "The name may be a glob and the URL may hold `{bot}`; a password in the URL is the bot's "
        "access key",
        secret=True,
    )
    model_aliases: Pairs = _setting(
        Group.BOTS,
        _pairs,
        (),
        "`gpt-4=GPT-4o` pairs: other names for bots, globs allowed. The TOML file's `[bot]` table "
        "says the same",
    )
    tool_adapter: str = _setting(
        Group.BOTS,
        str,
        "prompted",
        "how tools are offered: `prompted` (described in the prompt, for every bot), `native` "
        "(Poe's own function calls), `auto` (native where Poe's list says that the bot can, else "
        "prompted), `none`, or the dotted path of your own adapter; for one bot in the TOML file's "
        "`[bot]` table",
    )
    web_search_bot: str | None = _setting(
        Group.BOTS,
        str,
        None,
        "who is asked instead where a client wants the web searched and its bot cannot",
    )
    reasoning: Literal["split", "inline", "drop"] = _setting(
        Group.BOTS,
        _one_of(*REASONING_MODES),
        "split",
        "where a bot's reasoning goes: `split` (the field that the API has for it), `inline` "
        "(left in the text) or `drop`",
    )
    upstream: Literal["bot", "api", "auto"] = _setting(
        Group.BOTS,
        _one_of(*UPSTREAMS),
        "bot",
        "how Poe's bots are asked: `bot` (as bots), `api` (by Poe's own API) or `auto` (by its API "
        "where Poe lists the endpoint for the bot and it can do what is asked for, "
        "[how](upstreams.md)); for one bot in the TOML file's `[bot]` table",
    )
    image_model: str = _setting(
        Group.BOTS, str, "GPT-Image-1", "the bot of an image request that names none"
    )
    video_model: str = _setting(
        Group.BOTS, str, "Veo-3.1", "the bot of a video request that names none"
    )
    first_event_timeout: float = _setting(
        Group.LIMITS, _positive(float), 300.0, "seconds until a bot must start, else 408"
    )
    idle_timeout: float = _setting(
        Group.LIMITS, _positive(float), 300.0, "seconds between two events of a bot, else an error"
    )
    headers_wait: float = _setting(
        Group.LIMITS,
        _positive(float),
        10.0,
        "seconds that a stream waits for the bot's first event, so that an early failure is still "
        "an HTTP status",
    )
    keepalive_seconds: float = _setting(
        Group.LIMITS,
        _positive(float),
        15.0,
        "seconds of silence after which a stream gets a sign of life",
    )
    max_read_pause_ms: float = _setting(
        Group.LIMITS,
        _pause_ms,
        80.0,
        "milliseconds, 0 to 1000, that a worker whose core is full waits before it reads a bot "
        "again, so that tokens gather; one that has time does not wait "
        "([how](performance.md))",
    )
    max_body_mb: float = _setting(
        Group.LIMITS,
        _positive(float),
        100.0,
        "megabytes; a larger request gets 413. Above 100, raise nginx's `client_max_body_size` too",
    )
    max_bodies_mb: float = _setting(
        Group.LIMITS,
        _positive(float),
        256.0,
        "what the request bodies that a worker holds at once may have together; more get 429",
    )
    max_answer_mb: float = _setting(
        Group.LIMITS,
        _positive(float),
        64.0,
        "megabytes of text that a bot may answer, for much of it is held in memory; more is a 502",
    )
    state_dir: str = _setting(
        Group.STATE,
        str,
        "state",
        "folder of what is kept: responses, videos, the ids of files",
        shown="`$STATE_DIRECTORY` (systemd sets it), else `state` in the working directory",
    )
    state_mb_per_owner: float = _setting(
        Group.STATE,
        _positive(float),
        200.0,
        "what one token or Poe key may keep there (responses, files, videos); beyond it its own "
        "oldest go. All keys that Poe has not answered for yet share one such quota",
    )
    state_url: str | None = _setting(
        Group.STATE,
        _redis_url,
        None,
        "`redis://…`, `rediss://…` or `unix://…` keeps it in Redis instead, for several machines",
        secret=True,
    )
    ledger: bool = _setting(
        Group.COUNTS,
        _switch,
        True,
        "`off`: nobody counts who used how much, and tokens can have no budget",
    )
    ledger_days: int = _setting(
        Group.COUNTS, _positive(int), 400, "days for which the ledger's hourly sums are kept"
    )
    cost_in_usage: bool = _setting(
        Group.COUNTS,
        _switch,
        False,
        "`on`: `usage` in answers says what they cost, as `cost_details {points, estimated}`",
    )
    metrics_token: str | None = _setting(
        Group.COUNTS,
        str,
        None,
        "what Prometheus sends to `/metrics`. Unset: there is no `/metrics`",
        secret=True,
    )
    log_format: Literal["json", "text"] = _setting(
        Group.COUNTS, _one_of("json", "text"), "json", "how log lines are written: `json` or `text`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        Group.COUNTS,
        _one_of("debug", "info", "warning", "error"),
        "info",
        "the least level of the gateway's log lines, beside the line of each request, which is "
        "always written: `debug`, `info`, `warning` or `error`",
    )
    poe_base_url: str = _setting(
        Group.POE, _folder_url, "https://api.poe.com/bot/", "where Poe's bots are asked"
    )
    poe_api_url: str = _setting(
        Group.POE,
        lambda value: _base_url(value).rstrip("/"),
        "https://api.poe.com",
        "where Poe's list of models, balances and histories are",
    )
    poe_upload_url: str = _setting(
        Group.POE,
        _folder_url,
        "https://www.quora.com/poe_api/",
        "where files are uploaded for Poe's bots",
    )
    poe_proxy: str | None = _setting(
        Group.POE,
        _base_url,
        None,
        "HTTP proxy for all that goes to Poe, credentials allowed",
        secret=True,
    )
    bots: tuple[BotRule, ...] = field(default=(), repr=False)
    tokens: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        has_tokens = self.access_tokens or self.tokens or self.stored_tokens
        if self.poe_api_keys and not has_tokens:
            raise ConfigError(
                "POE_API_KEYS is set but ACCESS_TOKENS is not: anyone could spend your points. "
                "Set ACCESS_TOKENS to what your clients shall send."
            )
        for name in ("poe_api_keys", "access_tokens", "admin_token", "metrics_token"):
            value = getattr(self, name)
            secrets = (value,) if isinstance(value, str) else value or ()
            if not all(is_credential(secret) for secret in secrets):
                raise ConfigError(f"{name.upper()}: an entry holds blanks or is not plain ASCII")

    @property
    def is_token_mode(self) -> bool:
        """Clients send tokens of this gateway; else their own Poe keys."""
        return bool(self.poe_api_keys or self.access_tokens or self.tokens or self.stored_tokens)

    def take_over(self, newer: "Settings") -> list[str]:
        """Takes over from ``newer`` what needs no restart. Gives the names of what does need one.

        The tokens are not among either: whoever compares tokens takes them over.
        """
        for name in LIVE_SETTINGS:
            object.__setattr__(self, name, getattr(newer, name))
        names = [entry.name for entry in fields(self) if entry.name != "tokens"]
        return [name for name in names if getattr(self, name) != getattr(newer, name)]

    @property
    def is_open(self) -> bool:
        """Whether bots of BOT_URLS can be asked by whoever reaches the gateway."""
        return bool(self.bot_urls) and not self.is_token_mode

    @property
    def is_exposed(self) -> bool:
        """Whether it is open, and not only to this machine."""
        return self.is_open and not is_loopback(self.host)

    def bot_named(self, model: str) -> str:
        """The bot of a model name: the alias's bot, or the name itself."""
        for glob, bot in self.model_aliases:
            if fnmatchcase(model, glob):
                return bot
        return model

    def tool_adapter_of(self, bot: str) -> str:
        """The name of the tool adapter for that bot."""
        for rule in self.bots:
            if rule.tool_adapter and fnmatchcase(bot, rule.glob):
                return rule.tool_adapter
        return self.tool_adapter

    def has_own_tool_adapter(self, bot: str) -> bool:
        """Whether the TOML file names the tool adapter of that bot."""
        return any(rule.tool_adapter and fnmatchcase(bot, rule.glob) for rule in self.bots)

    def tool_adapter_names(self) -> set[str]:
        """The names of all tool adapters that are used."""
        return {self.tool_adapter, *(rule.tool_adapter for rule in self.bots if rule.tool_adapter)}

    def fallbacks_of(self, bot: str) -> tuple[str, ...]:
        """The names of the models that may answer in that bot's place."""
        for rule in self.bots:
            if rule.fallback and fnmatchcase(bot, rule.glob):
                return tuple(name for name in rule.fallback if name != bot)
        return ()

    def upstream_of(self, bot: str) -> str:
        """How that bot is asked: one of UPSTREAMS."""
        for rule in self.bots:
            if rule.upstream and fnmatchcase(bot, rule.glob):
                return rule.upstream
        return self.upstream

    @property
    def asks_poe(self) -> bool:
        """Whether Poe's bots can be asked at all."""
        return bool(self.poe_api_keys) or not self.is_token_mode

    def url_of(self, bot: str) -> str | None:
        """The endpoint of a bot of BOT_URLS, or None for a bot of Poe.

        ``{bot}`` in the URL is replaced by the name. Without it, the name is appended to the URL of
        a glob.
        """
        name = quote(bot, safe="", errors="replace")  # so that a name cannot change the path
        for glob, url in self.bot_urls:
            if fnmatchcase(bot, glob):
                if "{bot}" in url:
                    return url.replace("{bot}", name)
                return url if glob == bot else f"{url.rstrip('/')}/{name}"
        return None


LIVE_SETTINGS = (
    "model_aliases",
    "bots",
    "tool_adapter",
    "upstream",
    "web_search_bot",
    "reasoning",
    "image_model",
    "video_model",
    "first_event_timeout",
    "idle_timeout",
    "headers_wait",
    "keepalive_seconds",
    "pool_tries",
    "pool_history",
    "rate_limit",
    "rate_limit_by",
    "cost_in_usage",
)
"""What is read at each use, so that a changed TOML file needs no restart."""


SETTINGS: dict[str, Setting] = {
    entry.name: entry.metadata["setting"] for entry in fields(Settings) if entry.metadata
}
"""By the name of the field, which is the name in the TOML file."""

SETTING_NAMES = tuple(name.upper() for name in SETTINGS)
"""As environment variables."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment over the TOML file over the defaults.

    Raises ConfigError, which names the setting, if a value cannot be read. An empty variable counts
    as not set: compose files and dashboards use it for "none".
    """
    table = _read_toml(environ.get("POEGATE_CONFIG"))
    bots = _bot_rules(table.pop("bot", {}))
    tokens = table.pop("token", {})
    if not isinstance(tokens, dict):
        raise ConfigError("token: expected a table of tokens")
    values: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        raw = environ.get(name.upper()) or table.get(name)
        if raw is not None:
            values[name] = _read_setting(name, raw, setting.read)
    if "state_dir" not in values and (own := environ.get("STATE_DIRECTORY")):
        values["state_dir"] = own.partition(":")[0]  # systemd's StateDirectory=
    unknown = sorted(set(table) - set(SETTINGS))
    if unknown:
        raise ConfigError(f"unknown setting in the TOML file: {', '.join(unknown)}")
    aliases = tuple((rule.glob, rule.alias_of) for rule in bots if rule.alias_of)
    values["model_aliases"] = values.get("model_aliases", ()) + aliases
    settings = Settings(**values, bots=bots, tokens=tokens)
    _refuse_misspelt_access(settings, environ, values)
    return settings


MIN_NAME_CHARS = 8
"""Shorter names, such as PORT and HOST, have neighbours that belong to other programs."""
LIKENESS = 0.85
"""From 0 to 1, of difflib. POE_API_KEY has 0.96, POE_KEYS 0.8, ACCESS_TOKEN 0.96."""


def misspelt_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that are set and no settings, and the setting that each of them resembles."""
    names = [name for name in SETTING_NAMES if len(name) >= MIN_NAME_CHARS]
    found = {}
    for name in environ.keys() - {*SETTING_NAMES, "STATE_DIRECTORY"}:
        meant = get_close_matches(name.upper(), names, n=1, cutoff=LIKENESS)
        if meant and environ[name]:
            found[name] = meant[0]
    return found


def _refuse_misspelt_access(
    settings: Settings, environ: Mapping[str, str], given: Mapping[str, Any]
) -> None:
    """Raises ConfigError: without its keys and tokens the gateway would be open to all."""
    if is_loopback(settings.host):
        return
    for name, meant in sorted(misspelt_settings(environ).items()):
        if SETTINGS[meant.lower()].group is Group.ACCESS and meant.lower() not in given:
            raise ConfigError(f"{name}: there is no such setting. Did you mean {meant}?")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_setting(name: str, raw: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(raw)
    except ValueError as error:
        raise ConfigError(f"{name.upper()}: {error}") from error


def _read_toml(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"POEGATE_CONFIG: {path}: {error}") from error


def _bot_rules(table: Any) -> tuple[BotRule, ...]:
    """``[bot]`` rows: ``"gpt-4" = "GPT-4o"`` or ``"claude-*" = {alias_of = "Claude-Opus-4.5"}``."""
    if not isinstance(table, dict):
        raise ConfigError("bot: expected a table of bots")
    return tuple(_bot_rule(glob, row) for glob, row in table.items())


def _fallback(name: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    are_texts = isinstance(names, list) and all(isinstance(one, str) and one for one in names)
    if not are_texts or not 0 < len(names) <= MAX_FALLBACKS:
        raise ConfigError(f"{name}: expected one to {MAX_FALLBACKS} bots, not {value!r}")
    return tuple(names)


def _bot_rule(glob: str, row: Any) -> BotRule:
    if isinstance(row, str):
        return BotRule(glob, row)
    if not isinstance(row, dict):
        raise ConfigError(f"bot.{glob}: expected a bot's name or a table of its options")
    options = [entry.name for entry in fields(BotRule)[1:]]
    for name, value in row.items():
        if name not in options:
            raise ConfigError(f"bot.{glob}.{name}: expected one of {', '.join(options)}")
        if name == "fallback":
            row = {**row, name: _fallback(f"bot.{glob}.{name}", value)}
        elif not isinstance(value, str) or not value:
            raise ConfigError(f"bot.{glob}.{name}: expected a text, not {value!r}")
        if name == "upstream" and value not in UPSTREAMS:
            raise ConfigError(f"bot.{glob}.{name}: expected one of {', '.join(UPSTREAMS)}")
    return BotRule(glob, **row)
