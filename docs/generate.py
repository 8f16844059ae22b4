"""Writes the parts of the documentation that the code itself knows: ``python -m docs.generate``.

docs/architecture.md: the arrows between the packages, from their imports, and the map of modules,
from the first lines of their docstrings. docs/settings.md: the tables of settings, from app.config.
docs/routes.md: the routes, from what their views say for /openapi.json. Each part stands between
two marks in its page. With ``--check`` nothing is written, and the exit code is 1 where a page is
stale.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.config import SETTINGS, Group, Settings
from app.dialects.openapi.routes import path_of
from app.factory import create_app
from app.http.operations import Operation, operation_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

NOT_DRAWN = {"app", "app.config", "app.errors", "app.demo"}
"""Everything may import the settings and the errors, and nothing imports the demo bots."""


def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module of the package, by its dotted name: its file and its syntax tree."""
    found = {}
    for path in sorted((ROOT / "app").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path, ast.parse(path.read_text())
    return found


def first_line(path: Path, tree: ast.Module) -> str:
    """What a module says of itself. Raises ValueError where it says nothing."""
    docstring = ast.get_docstring(tree)
    if not docstring:
        raise ValueError(f"{path.relative_to(ROOT)} has no docstring")
    return docstring.splitlines()[0].replace("``", "`").replace("|", r"\|")


def map_of_modules() -> str:
    """One table a folder, in the order of their names."""
    folders: dict[Path, list[str]] = {}
    titles: dict[Path, str] = {}
    for path, tree in (found for _, found in sorted(modules().items())):
        line, folder = first_line(path, tree), path.parent
        rows = folders.setdefault(folder, [])
        if path.name == "__init__.py":
            titles[folder] = line
        else:
            rows.append(f"| [`{path.name}`](../{path.relative_to(ROOT)}) | {line} |")
    return "\n\n".join(_folder(folder, titles[folder], rows) for folder, rows in folders.items())


def _folder(folder: Path, title: str, rows: list[str]) -> str:
    table = ["", "| module | what it is |", "| --- | --- |", *rows] if rows else []
    return "\n".join([f"### `{folder.relative_to(ROOT)}/`", "", title, *table])


def arrows() -> str:
    """Which package imports which, as a drawing: an arrow that others imply is left out."""
    graph = _package_graph()
    implied = {
        (start, end)
        for start, ends in graph.items()
        for middle in ends
        for end in _reachable(graph, middle)
    }
    lines = [
        f"    {start.removeprefix('app.')} --> {end.removeprefix('app.')}"
        for start, ends in sorted(graph.items())
        for end in sorted(ends)
        if (start, end) not in implied
    ]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


def _package_graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for name, (_, tree) in modules().items():
        imported = {_package(target) for target in _imports(tree)}
        graph.setdefault(_package(name), set()).update(imported)
    drawn = graph.keys() - NOT_DRAWN
    return {start: (graph[start] & drawn) - {start} for start in drawn}


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _imports(tree: ast.Module) -> Iterator[str]:
    """What a module imports of the package, ``app.core.events.Event`` for a name in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "app":
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("app."))


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting.extend(graph.get(package, ()))
    return found


def table_of_settings() -> str:
    """One table a group."""
    return "\n\n".join(_group(group) for group in Group)


def _group(group: Group) -> str:
    rows = [
        f"| `{name.upper()}` | {default_of(name)} | {setting.description} |"
        for name, setting in SETTINGS.items()
        if setting.group is group
    ]
    head = [f"## {group}", "", "| name | default | meaning |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows])


def default_of(name: str) -> str:
    """A setting's default as a cell shows it."""
    value = getattr(Settings(), name)
    if SETTINGS[name].default:
        return SETTINGS[name].default
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else f"`{value}`"


def table_of_routes() -> str:
    """One row a method and path, in the order of the paths."""
    head = ["| route | what it does | credential |", "| --- | --- | --- |"]
    rows = [
        f"| `{method} {path}` | {view.summary} | {'yes' if view.guarded else 'no'} |"
        for (path, method), view in sorted(_described_routes().items())
    ]
    return "\n".join([*head, *rows])


def _described_routes() -> dict[tuple[str, str], Operation]:
    app = create_app(Settings())
    return {
        (path_of(rule), method): view
        for rule in app.url_map.iter_rules()
        if (view := operation_of(app.view_functions[rule.endpoint])) and not rule.websocket
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("architecture.md", "arrows"): arrows,
    ("architecture.md", "map"): map_of_modules,
    ("routes.md", "routes"): table_of_routes,
    ("settings.md", "settings"): table_of_settings,
}
"""By the page and the name of the part, which stands in the marks around it."""


def renewed(page: str, text: str) -> str:
    """The page's text with its generated parts made anew. Raises ValueError without their marks."""
    for (name, part), make in PARTS.items():
        if name == page:
            before, opening, rest = re.split(rf"(<!-- {part}: [^\n]*-->\n)", text, maxsplit=1)
            _, closing, after = re.split(rf"(<!-- end of {part} -->\n)", rest, maxsplit=1)
            text = f"{before}{opening}\n{make()}\n\n{closing}{after}"
    return text


def main() -> int:
    """The exit code: 1 where --check finds a stale page."""
    check, stale = "--check" in sys.argv[1:], []
    for page in sorted({page for page, _ in PARTS}):
        path = DOCS / page
        old = path.read_text()
        new = renewed(page, old)
        if new != old:
            stale.append(page)
            if not check:
                path.write_text(new)
    if check and stale:
        print(f"stale, so run make map: {', '.join(f'docs/{page}' for page in stale)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
