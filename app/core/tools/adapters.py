"""The adapter that a setting names."""

from importlib import import_module

from app.core.tools.base import ToolAdapter
from app.core.tools.native import NativeAdapter
from app.core.tools.no_tools import NoAdapter
from app.core.tools.prompted import PromptedAdapter

AUTO = "auto"
"""No adapter, but the choice of one for each bot (relay/tool_adapters.py)."""

BUILT_IN: dict[str, type[ToolAdapter]] = {
    "prompted": PromptedAdapter,
    "native": NativeAdapter,
    "none": NoAdapter,
}


def adapter_named(name: str) -> ToolAdapter:
    """``prompted``, ``native``, ``none``, or the dotted path of a class without arguments.

    Raises ValueError where there is no such class, or it is no adapter.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    module, _, attribute = name.rpartition(".")
    if not module:
        raise ValueError(f"expected prompted, native, auto, none or a dotted path, not {name!r}")
    try:
        adapter = getattr(import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"no tool adapter of the name {name!r}: {error}") from error
    if not (hasattr(adapter, "prepare") and hasattr(adapter, "parse")):
        raise ValueError(f"{name!r} has no prepare and parse")
    found: ToolAdapter = adapter
    return found
