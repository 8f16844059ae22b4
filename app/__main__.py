"""``python -m app tokens|usage|setup``: the operator's commands."""

import sys

from app.commands.program import main

sys.exit(main(sys.argv[1:]))
