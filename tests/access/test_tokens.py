"""Tokens: their sources, and which one a credential is."""

import hashlib
from datetime import date
from typing import Any

import pytest

from app.access.rules import Rules
from app.access.tokens import (
    TokenBook,
    environment_tokens,
    file_tokens,
    new_token,
    stored_token,
    token_to_json,
)
from app.config import ConfigError


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_bare_token_keeps_the_owner_it_had() -> None:
    book = TokenBook(environment_tokens(["first-secret", "second-secret"]))
    token = book.find("second-secret")
    assert token
    assert (token.name, token.owner) == ("token-2", sha256("second-secret"))


def test_a_named_token_owns_by_its_name() -> None:
    book = (
        TokenBook(environment_tokens(["alice:old"])),
        TokenBook(environment_tokens(["alice:new"])),
    )
    owners = {book[0].find("old").owner, book[1].find("new").owner}  # type: ignore[union-attr]
    assert owners == {"token:alice"}


def test_a_whole_entry_with_a_colon_is_found_as_before_names() -> None:
    book = TokenBook(environment_tokens(["abc:def"]))
    whole, text = book.find("abc:def"), book.find("def")
    assert whole and text
    assert (whole.name, whole.owner) == ("abc", sha256("abc:def"))
    assert (text.name, text.owner) == ("abc", "token:abc")


@pytest.mark.parametrize("entry", [":text", "bad name:text", "name:", "ä:text"])
def test_what_is_no_name_is_a_bare_token(entry: str) -> None:
    book = TokenBook(environment_tokens([entry]))
    assert book.find(entry).name == "token-1"  # type: ignore[union-attr]


@pytest.mark.parametrize("credential", ["", "first", "first-secretx", "FIRST-SECRET"])
def test_what_is_not_known_is_not_found(credential: str) -> None:
    assert TokenBook(environment_tokens(["first-secret"])).find(credential) is None


def test_every_token_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr("app.access.tokens.hmac.compare_digest", compare)
    book = TokenBook(environment_tokens([f"secret-{number}" for number in range(5)]))
    for credential in ("secret-0", "secret-4", "nothing"):
        compared.clear()
        book.find(credential)
        assert len(compared) == 10


def test_a_file_token_has_rules() -> None:
    table = {
        "sha256": sha256("x").upper(),
        "models": "Claude-*",
        "expires": date(2027, 1, 1),
        "requests_per_minute": 10,
        "points_per_day": 2.5,
        "note": "for the tablet",
    }
    (token,) = file_tokens({"kid": table})
    assert token.rules == Rules(
        models=("Claude-*",),
        expires=1_798_761_600,
        requests_per_minute=10,
        points_per_day=2.5,
        note="for the tablet",
    )
    assert TokenBook(file=[token]).find("x") == token


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "token.kid.sha256"),
        ({"sha256": "secret text"}, "token.kid.sha256"),
        ("secret text", "token.kid.sha256"),
        ({"sha256": sha256("x"), "models": [1]}, "token.kid.models"),
        ({"sha256": sha256("x"), "expires": "soon"}, "token.kid.expires"),
        ({"sha256": sha256("x"), "expires": "0001-01-01"}, "token.kid.expires"),
        ({"sha256": sha256("x"), "expires": date(1969, 12, 31)}, "token.kid.expires"),
        ({"sha256": sha256("x"), "max_parallel": 1.5}, "token.kid.max_parallel"),
        ({"sha256": sha256("x"), "max_parallel": True}, "token.kid.max_parallel"),
        ({"sha256": sha256("x"), "points_per_day": -1}, "token.kid.points_per_day"),
        ({"sha256": sha256("x"), "points_per_day": float("nan")}, "token.kid.points_per_day"),
        ({"sha256": sha256("x"), "blocked": "yes"}, "token.kid.blocked"),
        ({"sha256": sha256("x"), "rpm": 5}, "token.kid.rpm"),
        ({"sha256": sha256("x"), "note": "\ud800"}, "token.kid.note"),
        ({"sha256": sha256("x"), "models": ["GPT-\udc00"]}, "token.kid.models"),
    ],
)
def test_a_file_token_that_cannot_be_used_is_named(table: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        file_tokens({"kid": table})
    assert "secret text" not in str(caught.value)


def test_names_and_texts_are_unique_over_all_sources() -> None:
    with pytest.raises(ConfigError, match="'kid'"):
        TokenBook(environment_tokens(["kid:a"]), file_tokens({"kid": {"sha256": sha256("b")}}))
    with pytest.raises(ConfigError, match="same text"):
        TokenBook(environment_tokens(["a:same"]), file_tokens({"b": {"sha256": sha256("same")}}))


def test_a_file_that_collides_changes_nothing() -> None:
    book = TokenBook(environment_tokens(["kid:a"]), file_tokens({"b": {"sha256": sha256("b")}}))
    with pytest.raises(ConfigError):
        book.replace_file(file_tokens({"kid": {"sha256": sha256("c")}}))
    assert book.find("b")
    assert not book.find("c")


def test_a_stored_token_survives_json_and_yields_to_the_other_sources() -> None:
    token, secret = new_token("alice", Rules(models=("GPT-*",), max_parallel=2))
    assert stored_token(token_to_json(token)) == token
    assert secret not in str(token_to_json(token))
    book = TokenBook()
    book.replace_stored([token])
    assert book.find(secret) == token
    named = TokenBook(environment_tokens(["alice:text"]))
    named.replace_stored([token])
    assert not named.find(secret)
