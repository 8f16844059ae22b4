"""Which way a request goes: to a bot of Poe's, or to the same endpoint of Poe's own API."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from app.core.turns import in_turns
from app.errors import InvalidRequest

CHAT, RESPONSES, MESSAGES, VIDEOS = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/videos",
)
"""The endpoints of Poe's own API, as ``supported_endpoints`` of its list of models names them."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that only the gateway itself can do. ``param``: where the request asks for it."""

    reason: str
    param: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason``: a few words, for a header and the log."""

    by_api: bool
    reason: str

    def __str__(self) -> str:
        return f"{'api' if self.by_api else 'bot'}; {self.reason}"


def decide(
    setting: str,
    endpoint: str,
    *,
    is_own_bot: bool = False,
    listed: Collection[str] | None = None,
    obstacle: Obstacle | None = None,
    goes_on: bool = False,
) -> Decision:
    """Raises InvalidRequest where the request must go to Poe's API and cannot.

    ``setting``: UPSTREAM for the bot. ``is_own_bot``: it is one of BOT_URLS. ``listed``: the
    endpoints that Poe lists for it, None where the list does not have it. ``goes_on``: the request
    goes on from an answer that Poe keeps.
    """
    if setting == "bot":
        return Decision(False, "UPSTREAM=bot")
    if is_own_bot:
        return Decision(False, "a bot of BOT_URLS")
    if obstacle is not None and (goes_on or setting == "api"):
        raise InvalidRequest(
            f"{obstacle.param}: Poe's own API, by which this bot is asked, cannot do this: "
            f"{obstacle.reason}.",
            param=obstacle.param,
        )
    if goes_on:
        return Decision(True, "goes on from what Poe keeps")
    if setting == "api":
        return Decision(True, "UPSTREAM=api")
    if obstacle is not None:
        return Decision(False, obstacle.reason)
    return _by_list(endpoint, listed)


def _by_list(endpoint: str, listed: Collection[str] | None) -> Decision:
    if listed is None:
        return Decision(False, "not in Poe's list of models")
    if endpoint not in listed:
        return Decision(False, f"Poe does not list {endpoint} for it")
    if endpoint == VIDEOS and len(listed) > 1:
        return Decision(False, f"Poe lists more than {VIDEOS} for it")
    return Decision(True, f"Poe lists {endpoint} for it")


_PARTS = ("messages", "input", "content", "output", "system")


def parts_of(value: Any) -> list[dict[str, Any]]:
    """The messages, items and content parts of a request in any format, as they came."""
    found: list[dict[str, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        for name in _PARTS:
            members = holder.get(name)
            if isinstance(members, list):
                dicts = [member for member in in_turns(members) if isinstance(member, dict)]
                found += dicts
                waiting += dicts
    return found


def names_file(part: dict[str, Any]) -> bool:
    """Whether a content part names an uploaded file by its id."""
    places = (part, part.get("file"), part.get("source"))
    return any(isinstance(place, dict) and place.get("file_id") for place in places)


def first_user_text(value: dict[str, Any], chars: int) -> str:
    """What a conversation begins with: its first user message or prompt, at most so long."""
    for name in ("messages", "input"):
        turns = value.get(name)
        if isinstance(turns, str):
            return turns[:chars]
        for turn in turns if isinstance(turns, list) else ():
            if isinstance(turn, dict) and turn.get("role") == "user":
                return "\n".join(_texts(turn.get("content"), chars))[:chars]
    prompt = value.get("prompt")
    return prompt[:chars] if isinstance(prompt, str) else ""


def _texts(content: Any, chars: int) -> list[str]:
    if isinstance(content, str):
        return [content[:chars]]
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return [text[:chars] for text in texts if isinstance(text, str)]


def text_chars(value: dict[str, Any]) -> int:
    """Characters of a request's texts: by which its tokens are estimated where Poe does not say.

    Pictures and other files count nothing.
    """
    total = sum(len(text) for name in _PARTS if isinstance(text := value.get(name), str))
    for part in parts_of(value):
        for name in ("content", "text", "arguments", "output"):
            text = part.get(name)
            total += len(text) if isinstance(text, str) else 0
    return total
