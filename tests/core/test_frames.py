"""Frames that are prepared once a stream."""

import json

import pytest

from app.core.frames import TextFrames, data_frame

TEXTS = ["a", "", 'a "quoted" \\ text\n', "ü漢😀", "\u2028\x85\x00", "\ud83d", "\0text", "{}%s"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("model", ["bot", '"\0text"', 'a"b\\'])
def test_prepared_frames_are_those_made_anew(text: str, model: str) -> None:
    def frame(content: str) -> bytes:
        return data_frame({"model": model, "choices": [{"delta": {"content": content}}], "n": None})

    made = TextFrames(frame)(text)
    assert made == frame(text)
    assert made.isascii()
    assert json.loads(made[6:])["choices"][0]["delta"]["content"] == text
