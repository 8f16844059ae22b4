"""The reasoning splitter: literal texts, each split at every pair of offsets."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import Batch, ReasoningDelta, Replacement, TextDelta, flatten
from app.core.stages.reasoning import THOUGHT_MARKS, ReasoningSplitter, split_reasoning
from tests.core.deltas import text_of

TEXTS = {
    "*Thinking...*\n\n> **Plan**\n> one\n>\n> two\n> \n> three\n\nThe answer\n> quoted\n": (
        "**Plan**\none\n\ntwo\n\nthree",
        "The answer\n> quoted\n",
    ),
    "*Thinking...*\n\n> one\n> two\n \n\n> Be brief.\n\nSo he said.": (
        "one\ntwo",
        "> Be brief.\n\nSo he said.",
    ),
    "Thinking... (12s elapsed)\n> why\nbecause": ("why", "because"),
    "*Thinking...*\n\nNo quote follows": ("", "*Thinking...*\n\nNo quote follows"),
    "Thinking... of you": ("", "Thinking... of you"),
    "> a quotation first": ("", "> a quotation first"),
    "*Thinking...*": ("", "*Thinking...*"),
    "*Thinking...*\n> only\n": ("only", ""),
    "*Thinking...*\n>tight\n> > nested\n": ("tight\n> nested", ""),
    "": ("", ""),
    "<think>\nThe user greets.\n</think>\n\nHello": ("The user greets.", "Hello"),
    " <think></think>Hi <think>x</think>": ("", "Hi <think>x</think>"),
    "<think>never\n\nclosed ": ("never\n\nclosed", ""),
    "<thinking>not a mark of a model's</thinking>": (
        "",
        "<thinking>not a mark of a model's</thinking>",
    ),
    "[THINK]a [/ b[/THINK] c": ("a [/ b", "c"),
    "<|channel>thought\nhm<channel|>yes": ("hm", "yes"),
    "<seed:think>a</seed:think>b": ("a", "b"),
    "<|channel|>analysis<|message|>a < b<|end|><|start|>assistant<|channel|>final<|message|>"
    "Yes, <|.<|return|>": ("a < b", "Yes, <|."),
    "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary "
    'to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>': (
        "",
        "I look.<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
        '{"a": 1}<|call|>',
    ),
    "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b"
    "<|end|><|start|>assistant<|channel|>final<|message|>c": ("a", "b\n\nc"),
    "<|channel|> is a mark of harmony": ("", "<|channel|> is a mark of harmony"),
    "<|open|>think<|sep|>a<|close|>think<|sep|><|open|>response<|sep|>b<|close|>response<|sep|>"
    '<|open|>tools<|sep|><|open|>call tool="f"<|sep|>': (
        "a",
        'b<|open|>tools<|sep|><|open|>call tool="f"<|sep|>',
    ),
}


def split(*pieces: str) -> tuple[str, str]:
    splitter = ReasoningSplitter()
    out = [event for piece in pieces for event in splitter.feed(piece)] + splitter.close()
    reasoning = "".join(event.text for event in out if isinstance(event, ReasoningDelta))
    return reasoning, "".join(event.text for event in out if isinstance(event, TextDelta))


@pytest.mark.parametrize("text", TEXTS)
def test_split_at_every_offset(text: str) -> None:
    assert split(text) == TEXTS[text]
    for first, second in combinations_with_replacement(range(len(text) + 1), 2):
        assert split(text[:first], text[first:second], text[second:]) == TEXTS[text]
    assert split(*text) == TEXTS[text]


@given(st.lists(st.text("*Thinkg.\n> a_…", max_size=12), max_size=8))
def test_pieces_say_what_the_whole_says(pieces: list[str]) -> None:
    assert split(*pieces) == split("".join(pieces))


TEMPLATE_MARKS = ("<|channel|>", "<|open|>", "<|close|>", "<|end_of_msg|>")
MARKS = ("Thinking", *TEMPLATE_MARKS, *(opening for opening, _ in THOUGHT_MARKS))


@given(st.text().filter(lambda text: not any(mark in text for mark in MARKS)))
def test_text_without_a_header_or_mark_passes_unchanged(text: str) -> None:
    assert split(text) == ("", text)


THINKING = "*Thinking...*\n\n> why\n\nanswer"


@pytest.mark.parametrize(
    ("mode", "text", "reasoning"),
    [("split", "answer", "why"), ("drop", "answer", ""), ("inline", THINKING, "")],
)
def test_reasoning_modes(mode: str, text: str, reasoning: str) -> None:
    events = list(flatten(split_reasoning([[TextDelta(THINKING)]], mode=mode)))
    assert text_of(events) == text
    thought = [event.text for event in events if isinstance(event, ReasoningDelta)]
    assert "".join(thought) == reasoning


def test_a_contradiction_within_the_reasoning_leaves_the_answer_alone() -> None:
    batches: list[Batch] = [[TextDelta(THINKING)], [Replacement(THINKING.replace("why", "who"))]]
    events = list(flatten(split_reasoning(batches, mode="split")))
    assert text_of(events) == "answer"
