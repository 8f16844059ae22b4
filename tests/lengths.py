"""How much made-up input the tests try: some in ``make test``, all of it in ``make test-long``.

``make test-long`` runs every test that hypothesis feeds, and those marked ``lengths``, once more,
with ``TEST_LENGTH=full``.
"""

import os

FULL = os.environ.get("TEST_LENGTH") == "full"


def examples(full: int) -> int:
    """For hypothesis' ``max_examples``: ``full`` of them, or forty."""
    return full if FULL else min(full, 40)
