"""The catalog that Codex asks for: ``GET /models?client_version=…`` with ``models`` in the answer.

Codex 0.156 and later ask where ``features.api_key_model_discovery`` and the provider's
``model_catalog_url`` are set. Which fields must be there was found out with Codex 0.169: where one
is missing in one entry, Codex takes none of the list.
"""

from collections.abc import Callable, Iterable
from typing import Any

from app.core.bot_facts import BotFacts
from app.core.fitting import efforts_of

Model = dict[str, Any]

INSTRUCTIONS = """\
You are a coding agent. Codex, a program on the user's machine, carries out the tools that you \
call and shows the user what you write.

Work on the task until it is done; ask only what you cannot find out. Read the code before you \
change it: `rg` finds text and `rg --files` finds files. Make the smallest change that solves \
the whole task, in the style of the code around it, and mend causes instead of symptoms. Changes \
in the working copy that are not yours stay as they are. Commit, branch and delete only when \
asked to. Run the tests or the program to see that your change works, and say so when you could \
not.

Edit files with `apply_patch`, not with shell commands. Its input is a patch:

*** Begin Patch
*** Update File: path/of/file.py
@@ def function_around_the_change():
 a line that stays
-a line that goes
+a line that comes
*** Add File: path/of/new.py
+every line of it after a plus
*** Delete File: path/of/old.py
*** End Patch

Each line of an update begins with a blank, a minus or a plus. Give about three lines that stay \
before and after a change, exactly as they are in the file, and paths relative to the working \
directory.

Before a group of calls say in one sentence what you are about to do. At the end say in a few \
sentences what you changed, where (`path:line`), and what you have checked.
"""
"""Codex sends these in place of its own, which it only has for the models that it knows."""


def render_catalog(models: Iterable[Model], facts: Callable[[str], BotFacts | None]) -> list[Model]:
    """One entry for each model as ``render_models`` gives it, in the same order. ``facts``: those
    of the bot that a request with a model's name asks."""
    return [
        _entry(model, place, facts(model.get("alias_of") or model["id"]))
        for place, model in enumerate(models)
    ]


def _entry(model: Model, place: int, facts: BotFacts | None) -> Model:
    sees = facts is None or facts.inputs is None or "image" in facts.inputs
    return {
        "slug": model["id"],
        "display_name": model["display_name"],
        "description": None,
        "visibility": "list" if facts is None or facts.writes_text else "hide",
        "supported_in_api": True,
        "priority": place,
        "upgrade": None,
        "base_instructions": INSTRUCTIONS,
        "context_window": model.get("context_window"),
        "input_modalities": ["text", "image"] if sees else ["text"],
        "supported_reasoning_levels": [
            {"effort": effort, "description": ""} for effort in (efforts_of(facts) if facts else ())
        ],
        "default_reasoning_level": None,
        "support_verbosity": False,
        "default_verbosity": None,
        "shell_type": "unified_exec",
        "apply_patch_tool_type": "freeform",
        "supports_parallel_tool_calls": True,
        "experimental_supported_tools": [],
        # Of a tool's output, as Codex has it for every model of its own.
        "truncation_policy": {"mode": "tokens", "limit": 10_000},
    }
