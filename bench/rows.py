"""The rows of the table. A new measurement of a kind that is here is one more line in `ROWS`."""

from bench.single import FirstToken, HeldOpen, ProcessorTime
from bench.table import Row
from bench.throughput import Throughput
from bench.wire import MESSAGES, RESPONSES, Ask, tool

TOKENS = Ask("burst-100", 100)
# An agent's next turn: the gateway has seen, and may remember, all but the last two messages.
NEXT_TURN = Ask("burst-100", 100, prompt_kilobytes=420, new_messages=2)
ALL_NEW = Ask("burst-100", 100, prompt_kilobytes=420, new_messages=60)

WITH_TOOLS = Ask("burst-100", 100, extra={"tools": [tool(number) for number in range(20)]})
AS_MESSAGES = Ask("burst-100", 100, dialect=MESSAGES)
AS_RESPONSES = Ask("burst-100", 100, dialect=RESPONSES)

APART = Ask("slow-50x100", 100)
APART_LONG = Ask("slow-50x100", 100, prompt_kilobytes=420)

ROWS: list[Row] = [
    Throughput("a", "100 tokens in a burst", TOKENS, at_a_time=16, seconds=4, least_ratio=3),
    Throughput("b", "and a 420 KB prompt, 2 of 60 messages new", NEXT_TURN, 4, 5, least_ratio=12),
    HeldOpen("c", streams=1000, rate=5, seconds=12, most_kib=100),
    FirstToken("d", requests=200, most_ms=5),
    Throughput("e", "as b, all 60 messages new", ALL_NEW, at_a_time=4, seconds=4),
    Throughput("h", "as a, 20 tools offered; baseline without", WITH_TOOLS, 16, 4, 2.5, TOKENS),
    Throughput("i", "as a, Messages; against Chat", AS_MESSAGES, 16, 4, 0.85, TOKENS, True),
    Throughput("j", "as a, Responses; against Chat", AS_RESPONSES, 16, 4, 0.85, TOKENS, True),
    ProcessorTime("f", "100 tokens at 50 a second", APART, at_a_time=60, seconds=5),
    ProcessorTime("g", "and a 420 KB prompt", APART_LONG, at_a_time=8, seconds=5),
]
