"""The settings: read once from the environment and, where POEGATE_CONFIG names one, a TOML file."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import quote

Pairs = tuple[tuple[str, str], ...]
REASONING_MODES = ("split", "inline", "drop")


class ConfigError(ValueError):
    """A setting that cannot be used. The message names it."""


@dataclass(frozen=True, slots=True)
class BotRule:
    """One row of the TOML file's ``[bot]`` table: what holds for the names that match its glob."""

    glob: str
    alias_of: str | None = None
    tool_adapter: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the gateway. Times are seconds; the README's table explains each."""

    poe_api_keys: tuple[str, ...] = field(default=(), repr=False)
    access_tokens: tuple[str, ...] = field(default=(), repr=False)
    poe_base_url: str = "https://api.poe.com/bot/"
    poe_api_url: str = "https://api.poe.com"
    poe_upload_url: str = "https://www.quora.com/poe_api/"
    poe_proxy: str | None = field(default=None, repr=False)
    bot_urls: Pairs = field(default=(), repr=False)
    model_aliases: Pairs = ()
    image_model: str = "GPT-Image-1"
    video_model: str = "Veo-3.1"
    tool_adapter: str = "prompted"
    reasoning: Literal["split", "inline", "drop"] = "split"
    first_event_timeout: float = 300.0
    idle_timeout: float = 300.0
    headers_wait: float = 10.0
    keepalive_seconds: float = 15.0
    max_body_mb: float = 100.0
    page: bool = True
    host: str = "127.0.0.1"
    port: int = 8000
    web_concurrency: int = 1
    state_dir: str = "state"
    state_url: str | None = field(default=None, repr=False)
    bots: tuple[BotRule, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.poe_api_keys and not self.access_tokens:
            raise ConfigError(
                "POE_API_KEYS is set but ACCESS_TOKENS is not: anyone could spend your points. "
                "Set ACCESS_TOKENS to what your clients shall send."
            )
        for name in ("poe_api_keys", "access_tokens"):
            if not all(is_credential(secret) for secret in getattr(self, name)):
                raise ConfigError(f"{name.upper()}: an entry holds blanks or is not plain ASCII")

    def bot_named(self, model: str) -> str:
        """The bot behind a model name: what an alias stands for, or the name itself."""
        for glob, bot in self.model_aliases:
            if fnmatchcase(model, glob):
                return bot
        return model

    def tool_adapter_of(self, bot: str) -> str:
        """The name of the adapter by which that bot calls tools."""
        for rule in self.bots:
            if rule.tool_adapter and fnmatchcase(bot, rule.glob):
                return rule.tool_adapter
        return self.tool_adapter

    def tool_adapter_names(self) -> set[str]:
        """All that any bot may need."""
        return {self.tool_adapter, *(rule.tool_adapter for rule in self.bots if rule.tool_adapter)}

    def url_of(self, bot: str) -> str | None:
        """The endpoint of a bot of BOT_URLS, or None for a bot of Poe's.

        ``{bot}`` in the URL stands for the name; a glob's URL without it is a folder of bots.
        """
        name = quote(bot, safe="", errors="replace")  # a name must not choose another path
        for glob, url in self.bot_urls:
            if fnmatchcase(bot, glob):
                if "{bot}" in url:
                    return url.replace("{bot}", name)
                return url if glob == bot else f"{url.rstrip('/')}/{name}"
        return None


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
        if not (name.strip() and rest.strip()):  # not shown: it may hold a bot's access key
            raise ValueError(f"expected name=value pairs, and entry {number} is none")
    return tuple((name.strip(), rest.strip()) for name, _, rest in pairs)


def _reasoning(value: Any) -> str:
    if value not in REASONING_MODES:
        raise ValueError(f"expected one of {', '.join(REASONING_MODES)}")
    return str(value)


def _on_or_off(value: Any) -> bool:
    if value not in ("on", "off", True, False):
        raise ValueError("expected on or off")
    return value in ("on", True)


def _positive(kind: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        number = _number(kind, value)
        if not 0 < number < float("inf"):
            raise ValueError(f"expected a number above 0, not {value!r}")
        return number

    return read


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
    """A base that names are appended to: the slash at its end is forgiven."""
    return _base_url(value).rstrip("/") + "/"


_READERS: dict[str, Callable[[Any], Any]] = {
    "poe_api_keys": _text_list,
    "access_tokens": _text_list,
    "poe_base_url": _folder_url,
    "poe_api_url": lambda value: _base_url(value).rstrip("/"),
    "poe_upload_url": _folder_url,
    "poe_proxy": _base_url,
    "bot_urls": lambda value: tuple((name, _base_url(url)) for name, url in _pairs(value)),
    "model_aliases": _pairs,
    "image_model": str,
    "video_model": str,
    "tool_adapter": str,
    "reasoning": _reasoning,
    "first_event_timeout": _positive(float),
    "idle_timeout": _positive(float),
    "headers_wait": _positive(float),
    "keepalive_seconds": _positive(float),
    "max_body_mb": _positive(float),
    "page": _on_or_off,
    "host": str,
    "port": _port,
    "web_concurrency": _positive(int),
    "state_dir": str,
    "state_url": _redis_url,
}

SETTING_NAMES = tuple(entry.name.upper() for entry in fields(Settings) if entry.name != "bots")


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment over the TOML file over the defaults.

    Raises ConfigError, naming the setting, where a value cannot be read. An empty variable counts
    as not set, for that is how compose files and dashboards write "none".
    """
    table = _read_toml(environ.get("POEGATE_CONFIG"))
    bots = _bot_rules(table.pop("bot", {}))
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        raw = environ.get(name.upper()) or table.get(name)
        if raw is not None:
            values[name] = _read_setting(name, raw, read)
    if "state_dir" not in values and (own := environ.get("STATE_DIRECTORY")):
        values["state_dir"] = own.partition(":")[0]  # systemd's StateDirectory=
    unknown = sorted(set(table) - set(_READERS))
    if unknown:
        raise ConfigError(f"unknown setting in the TOML file: {', '.join(unknown)}")
    aliases = tuple((rule.glob, rule.alias_of) for rule in bots if rule.alias_of)
    values["model_aliases"] = values.get("model_aliases", ()) + aliases
    return Settings(**values, bots=bots)


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


def _bot_rule(glob: str, row: Any) -> BotRule:
    if isinstance(row, str):
        return BotRule(glob, row)
    try:
        return BotRule(glob, **row)
    except TypeError as error:
        raise ConfigError(f"bot.{glob}: expected a bot's name or a table of its options") from error
