"""The rows of the table. A new measurement of a kind that is here is one more line in `ROWS`."""

from bench.neighbour import Neighbour
from bench.paced import BothWays, Carries, HeldOpen, Paced, SingleStream
from bench.single import FirstToken, ProcessorTime
from bench.table import Row
from bench.throughput import Throughput
from bench.wire import MESSAGES, RESPONSES, Ask, tool

TOKENS = Ask("burst-100", 100)
ONE_TOKEN = Ask("burst-1", 1)
# An agent's next turn: the gateway has seen, and may remember, all but the last two messages.
NEXT_TURN = Ask("burst-100", 100, prompt_kilobytes=420, new_messages=2)
ALL_NEW = Ask("burst-100", 100, prompt_kilobytes=420, new_messages=60)

WITH_TOOLS = Ask("burst-100", 100, extra={"tools": [tool(number) for number in range(20)]})
AS_MESSAGES = Ask("burst-100", 100, dialect=MESSAGES)
AS_RESPONSES = Ask("burst-100", 100, dialect=RESPONSES)

APART = Ask("slow-50x100", 100)
APART_LONG = Ask("slow-50x100", 100, prompt_kilobytes=420)

ROWS: list[Row] = [
    # Tokens one by one.
    Paced("paced-60", 60, with_peers=True, least_ratio=2),
    Paced("paced-300", 300),
    Paced("paced-600", 600, most_late_ms=1000, most_share=0.9),
    Paced("paced-1000", 1000, with_baseline=False),
    BothWays("passing-60", streams=60),
    Carries("carries-20", rate=20, counts=(400, 700, 1000, 1300, 1600, 2000)),
    Carries("carries-50", rate=50, counts=(200, 400, 600, 800, 1000, 1200)),
    Carries("carries-100", rate=100, counts=(100, 200, 300, 400, 500, 600)),
    HeldOpen("held", streams=1000, rate=5, seconds=12, most_kib=80),
    SingleStream("single", rate=50, tokens=200, most_ms=2),
    FirstToken("first-token", requests=200, most_ms=5),
    Throughput("fixed", "one question, one token", ONE_TOKEN, 16, 4, 3, with_peers=True),
    ProcessorTime("apart", "100 tokens at 50 a second", APART, at_a_time=60, seconds=5),
    ProcessorTime("apart-long", "and a 420 KB prompt", APART_LONG, at_a_time=8, seconds=5),
    # Tokens that come together.
    Throughput("burst", "100 tokens in a burst", TOKENS, 16, 4, 3, with_peers=True),
    Throughput("long", "and a 420 KB prompt, 2 of 60 messages new", NEXT_TURN, 4, 5, 12),
    Throughput("long-new", "the same, all 60 messages new", ALL_NEW, at_a_time=4, seconds=4),
    Throughput("tools", "as burst, 20 tools; baseline without", WITH_TOOLS, 16, 4, 2.5, TOKENS),
    Throughput("messages", "as burst, Messages; to Chat", AS_MESSAGES, 16, 4, 0.9, TOKENS, True),
    Throughput("responses", "as burst, Responses; to Chat", AS_RESPONSES, 16, 4, 0.9, TOKENS, True),
    # One client beside another.
    Neighbour("near-schema", "a 1,000-property schema"),
    Neighbour("near-stops", "20,000 stop sequences"),
    Neighbour("near-body", "a 100 MB body"),
    Neighbour("near-blanks", "a million blanks"),
    Neighbour("near-answer", "an answer of 5 MB to be checked"),
]
