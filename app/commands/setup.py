"""``python -m app setup CLIENT``: the configuration of a client for this gateway."""

import json
import os
import shutil
import tomllib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from app.config import Settings

PLACEHOLDER = "YOUR-KEY"
MODEL, SMALL = "Claude-Sonnet-4.5", "Claude-Haiku-4.5"
NAME = "poegate"


class Target(NamedTuple):
    """What a client is to be told. ``base``: the gateway's address, without ``/v1``."""

    base: str
    key: str
    model: str
    small: str


class ClientFile(NamedTuple):
    """A client's file. ``merged`` gives its new text; it raises ValueError where what is there
    already cannot be kept."""

    path: str
    merged: Callable[[str, Target], str]


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("setup", help="the configuration of a client for this gateway")
    parser.add_argument("client", choices=("claude", "codex", "opencode", "cline"))
    parser.add_argument("--base", help="the gateway's address (default: by HOST and PORT)")
    parser.add_argument("--key", default=PLACEHOLDER, help="your Poe key or access token")
    parser.add_argument("--model", default=MODEL, help=f"the bot (default: {MODEL})")
    parser.add_argument("--small", default=SMALL, help=f"the one for small tasks ({SMALL})")
    parser.add_argument("--write", action="store_true", help="write it into the client's file")
    parser.set_defaults(run=run, needs_store=False)


def run(options: Namespace, settings: Settings, store: object) -> None:
    """Raises ValueError, OSError."""
    base = (options.base or _address_of(settings)).rstrip("/").removesuffix("/v1")
    target = Target(base, options.key, options.model, options.small)
    if options.client == "cline":
        if options.write:
            raise ValueError("Cline keeps its settings in the editor: enter them there")
        print(_cline(target))
        return
    file = FILES[options.client]
    if not options.write:
        print(f"# {file.path}\n{file.merged('', target)}", end="")
        return
    if options.key == PLACEHOLDER and options.client != "codex":
        raise ValueError("--write needs your key: --key KEY")
    _write(Path(file.path).expanduser(), file, target)


def _address_of(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _write(path: Path, file: ClientFile, target: Target) -> None:
    """What was there before is kept beside it. The file has a key, so it is its owner's alone."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = file.merged(before, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    if before:
        shutil.copy2(path, f"{path}.bak")
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(after, encoding="utf-8")
    print(f"Written: {path}" + (f" (before: {path}.bak)" if before else ""))
    if file is FILES["codex"]:
        print(f"Start it with the key in the environment: POEGATE_KEY={PLACEHOLDER} codex")


def _claude(before: str, target: Target) -> str:
    return _with_json(
        before,
        {
            "env": {
                "ANTHROPIC_BASE_URL": target.base,
                "ANTHROPIC_AUTH_TOKEN": target.key,
                "ANTHROPIC_MODEL": target.model,
                "ANTHROPIC_DEFAULT_OPUS_MODEL": target.model,
                "ANTHROPIC_DEFAULT_SONNET_MODEL": target.model,
                "ANTHROPIC_DEFAULT_HAIKU_MODEL": target.small,
                "CLAUDE_CODE_SUBAGENT_MODEL": target.model,
            }
        },
    )


def _opencode(before: str, target: Target) -> str:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Poegate",
        "options": {"baseURL": f"{target.base}/v1", "apiKey": target.key},
        "models": {target.model: {}, target.small: {}},
    }
    return _with_json(before, {"model": f"{NAME}/{target.model}", "provider": {NAME: provider}})


def _with_json(before: str, news: dict[str, Any]) -> str:
    """The object with the news; of a table that is there already the other members stay."""
    try:
        table = json.loads(before or "{}")
    except ValueError as error:
        raise ValueError(f"the file is no plain JSON ({error}); add the lines by hand") from error
    if not isinstance(table, dict):
        raise ValueError("the file is no JSON object; add the lines by hand")
    return json.dumps(_merged(table, news), indent=2, ensure_ascii=False) + "\n"


def _merged(table: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for name, value in news.items():
        old = table.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _codex(before: str, target: Target) -> str:
    """TOML's single values stand before its tables, so the file grows at both ends."""
    values = {"model": target.model, "model_provider": NAME}
    try:
        table = tomllib.loads(before)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the file is no TOML ({error}); add the lines by hand") from error
    if NAME in table.get("model_providers", {}) or values.keys() & table.keys():
        raise ValueError(
            f"the file names a model, or {NAME}, already; change it by hand: python -m app setup "
            "codex prints the lines"
        )
    head = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    provider = {
        "name": "Poegate",
        "base_url": f"{target.base}/v1",
        "model_catalog_url": f"{target.base}/v1/models",
        "env_key": "POEGATE_KEY",
        "wire_api": "responses",
    }
    tail = "".join(f"{name} = {json.dumps(value)}\n" for name, value in provider.items())
    middle = f"\n{before.rstrip()}\n" if before.strip() else ""
    # By this feature the catalog is read. A table of features that is there already is left alone.
    features = "" if "features" in table else "\n[features]\napi_key_model_discovery = true\n"
    return f"{head}{middle}\n[model_providers.{NAME}]\n{tail}{features}"


def _cline(target: Target) -> str:
    return (
        "In Cline's settings:\n"
        "  API Provider  OpenAI Compatible\n"
        f"  Base URL      {target.base}/v1\n"
        f"  API Key       {target.key}\n"
        f"  Model ID      {target.model}"
    )


def _codex_home() -> str:
    return os.environ.get("CODEX_HOME", "~/.codex")


FILES = {
    "claude": ClientFile("~/.claude/settings.json", _claude),
    "codex": ClientFile(f"{_codex_home()}/config.toml", _codex),
    "opencode": ClientFile("~/.config/opencode/opencode.json", _opencode),
}
