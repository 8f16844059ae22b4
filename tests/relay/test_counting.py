"""What a prompt counts: its texts, each time, and its pictures."""

from app.core import tokens
from app.core.conversation import Media, Message, Part, Text, ToolResult
from app.relay.counting import PromptCounter
from tests.core.test_pictures import PNG

LONG = "The quick brown fox jumps over the lazy dog. " * 200


def counted(*messages: tuple[Part, ...], counter: PromptCounter | None = None) -> int:
    turns = tuple(Message("user", parts) for parts in messages)
    return (counter or PromptCounter()).begin(turns)() - tokens.framing_tokens(len(turns))


def test_equal_long_messages_count_each_time() -> None:
    one = counted((Text(LONG),))
    assert len(LONG) > tokens.SHORT_CHARS and one == tokens.count(LONG)
    counter = PromptCounter()
    assert counted((Text(LONG),), (Text(LONG),), (Text(LONG),), counter=counter) == 3 * one
    assert counted((Text(LONG),), (Text(LONG),), counter=counter) == 2 * one


def test_a_picture_counts_its_tiles() -> None:
    picture = Media("image/png", "a.png", "p", data=PNG + bytes(1_000_000))
    assert counted((Text("hello"), picture)) == 1 + 85 + 2 * 170
    assert counted((ToolResult("c", (picture,)),)) == 85 + 2 * 170
    linked = Media("image/jpeg", "a.jpg", "p", url="https://example.com/a.jpg", detail="low")
    assert counted((linked,)) == 85
    assert counted((Media("application/pdf", "a.pdf", "p", data=b"%PDF"),)) == 0
