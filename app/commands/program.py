"""Reads the command line and runs the command."""

import argparse
import sys
from collections.abc import Sequence

from app.access.sources import open_store
from app.commands import setup, tokens, usage
from app.config import ConfigError, load_settings


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where it went well, 1 where not, 2 for a command line that is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m app",
        description="Commands of a Poegate gateway. They read the same settings as the gateway "
        "itself: give them the same environment.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    tokens.add_parser(commands)
    usage.add_parser(commands)
    setup.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        if not getattr(options, "needs_store", True):
            options.run(options, settings, None)
            return 0
        store = open_store(settings)
        try:
            options.run(options, settings, store)
        finally:
            store.close()
    except (ConfigError, ValueError, LookupError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"What the gateway keeps cannot be reached: {error}")
    return 0


def _fail(message: str) -> int:
    print(f"poegate: {message}", file=sys.stderr)
    return 1
