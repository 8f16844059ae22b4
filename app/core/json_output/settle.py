"""The JSON in a bot's answer: found, mended where it is nearly JSON, and checked.

It runs in a process of its own (``worker.py``), because neither the check of a schema nor
json_repair can be interrupted.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import json_repair

from app.core import strict_json
from app.core.json_output.schema import violations_of
from app.core.json_output.verdict import Verdict

_NOT_JSON = ("$: the answer is not JSON",)
MAX_PIECES = 20
"""Of an answer with more JSON in it than that, the last pieces are looked at."""


def settle_json(text: str, schema: Mapping[str, Any]) -> Verdict:
    """The JSON in a bot's answer. ``schema`` has passed check_schema.

    An answer that is JSON is taken as it stands. Otherwise each piece of it that looks like JSON is
    judged, and those that cannot be parsed are mended if no other is good. Of several good ones the
    last is the answer, for examples come before it; of none the longest comes nearest.
    """
    text = text.strip().strip("\ufeff").strip()
    if whole := _judge(text, schema):
        return whole
    pieces = list(deque(_pieces(text), MAX_PIECES))[::-1]
    verdicts = [(_judge(piece, schema), piece) for piece in pieces]
    found = [verdict for verdict, _ in verdicts if verdict]
    if all(verdict.violations for verdict in found):
        mended = [_mend(piece) for verdict, piece in verdicts if verdict is None]
        found += [verdict for piece in mended if (verdict := _judge(piece, schema))]
    return min(found, key=_demerits, default=Verdict(text, _NOT_JSON, is_json=False))


def _judge(text: str, schema: Mapping[str, Any]) -> Verdict | None:
    """None: the text is no JSON, or so deep that it cannot be read."""
    try:
        value = strict_json.loads(text)
    except ValueError:
        return None
    return Verdict(text, violations_of(value, schema))


def _demerits(verdict: Verdict) -> tuple[bool, int]:
    """What min() takes least of. The empty object in a remark is no answer while there is another.

    Of equals min() takes the first, so the order of the verdicts counts as well.
    """
    if verdict.violations:
        return True, -len(verdict.text)
    return False, verdict.text in ("{}", "[]")


_OPENER = re.compile(
    r"""\{(?=\s*+(?:["'“}]|[\w$]++\s*+:|/[/*]))"""  # {"a", {'a', {a:, {}, { // remark
    r"""|\[(?=\s*+(?:["'“{\[\]\d-]|(?:true|false|null)\b))"""
)
_MARK = re.compile(r'(?s:"(?:[^"\\]++|\\.)*+"?)|[{}\[\]]')
_FENCED = re.compile(r"(?s:```[^\n`]*\n(.*?)```)")


def _pieces(text: str) -> Iterator[str]:
    """The objects and arrays that stand in the text, whole or broken; else what is fenced.

    One that is never closed goes to the end of its code fence, or of the text.
    """
    opener = _OPENER.search(text)
    if not opener:
        yield from (block.strip() for block in _FENCED.findall(text))
    while opener:
        start, end = opener.start(), _closing(text, opener.start())
        if not end:
            fence = text.find("\n```", start)
            yield text[start:fence] if fence > 0 else text[start:]
            return
        yield text[start:end]
        opener = _OPENER.search(text, end)


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens there is closed again; 0 where it is not."""
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            depth -= 1
            if not depth:
                return mark.end()
    return 0


def _mend(piece: str) -> str:
    """The slightly broken JSON as JSON; "" where it is not so slightly broken."""
    try:
        value = json_repair.loads(piece, skip_json_loads=True)
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        pass
    return ""
