"""``python -m app tokens``: access tokens that are made while the gateway runs."""

import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from app.access.rules import LIMITS, Rules, is_whole
from app.access.sources import token_book
from app.access.store import AccessStore
from app.access.stored_tokens import StoredTokens, TokenExists, TokenNotStored, UnknownToken
from app.access.tokens import Token, TokenBook
from app.commands.table import print_table
from app.config import Settings

_SOURCES = {"environment": "ACCESS_TOKENS", "file": "the TOML file", "stored": "the state"}


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("tokens", help="access tokens (needs STORED_TOKENS=on)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all tokens, of whatever source").set_defaults(act=_list)
    add = _action(actions, "add", "make a token; its secret is shown this once", _add)
    _add_rules(add)
    change = _action(actions, "change", "change a token's rules", _change)
    _add_rules(change)
    for name, words, act in (
        ("show", "a token's rules", _show),
        ("block", "refuse a token from now on", _block),
        ("unblock", "take a blocked token again", _unblock),
        ("rotate", "give a token a new secret; the old one ends", _rotate),
        ("delete", "delete a token", _delete),
    ):
        _action(actions, name, words, act)
    parser.set_defaults(run=run)


def _action(actions: Any, name: str, words: str, act: Any) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(name, help=words)
    parser.add_argument("name", metavar="NAME")
    parser.set_defaults(act=act)
    return parser


def _add_rules(parser: ArgumentParser) -> None:
    parser.add_argument("--models", metavar="GLOBS", help="comma-separated: Claude-*,GPT-5")
    parser.add_argument("--expires", metavar="DATE")
    for name in LIMITS:
        number = int if is_whole(name) else float
        parser.add_argument(f"--{name.replace('_', '-')}", type=number, metavar="N")
    parser.add_argument("--note", metavar="TEXT")


def run(options: Namespace, settings: Settings, store: AccessStore) -> None:
    """Raises ValueError, LookupError, OSError."""
    book = token_book(settings)
    if not settings.stored_tokens and options.act is not _list:
        raise ValueError("STORED_TOKENS is off: set STORED_TOKENS=on for the gateway and here")
    stored = StoredTokens(store, book)
    try:
        options.act(options, stored, book)
    except TokenExists as error:
        raise ValueError(f"there is a token called {options.name!r} already") from error
    except TokenNotStored as error:
        place = _SOURCES[error.source]
        raise ValueError(f"{options.name!r} is one of {place}: change it there") from error
    except UnknownToken as error:
        raise LookupError(f"there is no token called {options.name!r}") from error


def _add(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    token, secret = stored.add(options.name, _rules(options))
    _print_secret(token, secret)


def _change(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    _print_token(stored.change(options.name, _rules(options)))


def _rotate(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    token, secret = stored.rotate(options.name)
    _print_secret(token, secret)


def _block(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    _print_token(stored.change(options.name, {"blocked": True}))


def _unblock(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    _print_token(stored.change(options.name, {"blocked": False}))


def _delete(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    stored.remove(options.name)
    print(f"{options.name}: deleted")


def _show(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    stored.read()
    token = book.named(options.name)
    if token is None:
        raise UnknownToken
    _print_token(token)


def _list(options: Namespace, stored: StoredTokens, book: TokenBook) -> None:
    stored.read()
    now = time.time()
    rows = [
        [
            token.name,
            _SOURCES[token.source],
            token.rules.status(now),
            _date(token.rules.expires),
            ",".join(token.rules.models or ()) or "all",
            token.rules.note,
        ]
        for token in book.all()
    ]
    print_table(["name", "source", "status", "expires", "models", "note"], rows)


def _rules(options: Namespace) -> dict[str, Any]:
    """Those that the command line has."""
    names = ("models", "expires", *LIMITS, "note")
    rules = {name: getattr(options, name) for name in names}
    if rules["models"] is not None:
        rules["models"] = [glob.strip() for glob in rules["models"].split(",") if glob.strip()]
    return {name: value for name, value in rules.items() if value is not None}


def _print_secret(token: Token, secret: str) -> None:
    print(f"{token.name}: {secret}")
    print("This is shown once: only its digest is kept.")


def _print_token(token: Token) -> None:
    rules = token.rules
    facts = {
        "name": token.name,
        "source": _SOURCES[token.source],
        "status": rules.status(time.time()),
        "created": _date(token.created_at),
        "expires": _date(rules.expires),
        "models": ", ".join(rules.models) if rules.models is not None else None,
        **{name: getattr(rules, name) for name in LIMITS},
        "note": rules.note or None,
    }
    unset = Rules()
    for name, value in facts.items():
        if value is not None and value != getattr(unset, name, ...):
            print(f"{name.replace('_', ' ')}: {value}")


def _date(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
