"""What a token may do."""

import re

import pytest

from app.access.rules import LIMITS, RuleError, Rules, read_rules
from tests.servers import ROOT


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_is_where_people_look_for_it(limit: str) -> None:
    def read(path: str) -> str:
        return (ROOT / path).read_text()

    assert f"#{limit} = " in read("deploy/poegate.toml.sample")
    assert f"`{limit}`" in read("docs/operations.md")
    assert f'"{limit}"' in read("app/web/static/views/tokens.js")
    assert read("app/web/static/strings.js").count(f'"limit.{limit}": ') == 3, "three languages"


def test_the_page_offers_no_limit_that_is_none() -> None:
    source = (ROOT / "app/web/static/views/tokens.js").read_text()
    offered = re.search(r"^const LIMITS = \[(.*)\];$", source, re.MULTILINE)
    assert offered and re.findall(r'"(\w+)"', offered[1]) == [*LIMITS]


def test_rules_are_changed_one_by_one() -> None:
    rules = read_rules({"max_parallel": 3, "note": "a"})
    assert read_rules({"max_parallel": None, "blocked": True}, rules) == Rules(
        blocked=True, note="a"
    )
    with pytest.raises(RuleError, match="digest"):
        read_rules({"digest": "0" * 64})


@pytest.mark.parametrize(
    ("globs", "bot", "allowed"),
    [
        (None, "GPT-5", True),
        (("GPT-*",), "gpt-5", True),
        (("GPT-*",), "Claude-Opus-4.5", False),
        ((), "GPT-5", False),
        (("Claude-*", "GPT-5"), "GPT-5-mini", False),
    ],
)
def test_models(globs: tuple[str, ...] | None, bot: str, allowed: bool) -> None:
    assert Rules(models=globs).allows(bot) is allowed


def test_status() -> None:
    assert Rules().status(5.0) == "active"
    assert Rules(expires=5).status(5.0) == "expired"
    assert Rules(expires=9, blocked=True).status(5.0) == "blocked"
