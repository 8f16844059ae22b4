"""Makes app/web/static/vendor anew from the npm registry: ``make vendor``.

    python scripts/vendor.py           download, verify and write the folder
    python scripts/vendor.py --check   compare the folder with what was written (no network)

Every package is pinned by version and by the registry's own integrity digest. Browsers resolve no
bare module names, so ``from "preact"`` becomes ``from "./preact.js"``. Needs ``npm`` to download.
"""

import argparse
import base64
import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "app" / "web" / "static" / "vendor"
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Package:
    """``files`` maps a path within the package to the name in the folder."""

    name: str
    version: str
    license: str
    integrity: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "preact",
        "11.2.0",
        "MIT",
        "/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {
            "dist/preact.mjs": "preact.js",
            "hooks/dist/hooks.mjs": "preact-hooks.js",
            "LICENSE": "preact.LICENSE.txt",
        },
    ),
    Package(
        "htm",
        "3.1.1",
        "Apache-2.0",
        "983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"dist/htm.mjs": "htm.js", "LICENSE": "htm.LICENSE.txt"},
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "dist/uPlot.esm.js": "uplot.js",
            "dist/uPlot.min.css": "uplot.css",
            "LICENSE": "uplot.LICENSE.txt",
        },
    ),
    Package(
        "@picocss/pico",
        "2.1.1",
        "MIT",
        "kIDugA7Ps4U+2BHxiNHmvgPIQDWPDU4IeU6TNRdvXQM1uZX+FibqDQT2xUOnnO2yq/LUHcwnGlu1hvf4KfXnMg==",
        {"css/pico.min.css": "pico.css", "LICENSE.md": "pico.LICENSE.txt"},
    ),
    Package(
        "marked",
        "18.2.1",
        "MIT",
        "ii4bxCTCqqwpT86XZWgJNs+ZnAIZksmLGYMViWA7PDIXYIeNo1x6cDdX3JOip9NM/cI6p8z57FxliACboTruMA==",
        {"lib/marked.esm.js": "marked.js", "LICENSE": "marked.LICENSE.txt"},
    ),
    Package(
        "dompurify",
        "3.4.18",
        "Apache-2.0",
        "ofe3wI/uNm68HInABYFJYqQxRw1EaKAjNdrFVKqjUY+UZurvNd2L/HuQe097s/4RivWiZyP6tT7aoT8atjfhwg==",
        {"dist/purify.es.mjs": "dompurify.js", "LICENSE": "dompurify.LICENSE.txt"},
    ),
    Package(
        "@highlightjs/cdn-assets",
        "11.12.0",
        "BSD-3-Clause",
        "KvOKXODaiFmId9xaq3xc5xCL66wVLUuOngDbO9B/kewbFTqdGbn2nJxNhN3H5R1cgDTVj6R8vH0zgiNDEGjpDw==",
        {"es/highlight.min.js": "highlight.js", "LICENSE": "highlight.LICENSE.txt"},
    ),
)

MODULES = {"preact": "./preact.js", "preact/hooks": "./preact-hooks.js", "htm": "./htm.js"}
_BARE_IMPORT = re.compile(r"""(\b(?:from|import)\s*)(["'])(?![./])([\w@/.-]+)\2""")
_SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=\S+\s*\Z")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if different")
    if parser.parse_args().check:
        problems = check()
        sys.stderr.writelines(f"vendor: {problem}\n" for problem in problems)
        return 1 if problems else 0
    make(VENDOR)
    return 0


def make(folder: Path) -> None:
    """Write the folder from the registry; what else lay in it is deleted."""
    contents = {}
    for package in PACKAGES:
        contents.update(read_package(package))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    sums = "".join(f"{_sha256(contents[name])}  {name}\n" for name in sorted(contents))
    (folder / SUMS).write_text(sums)


def read_package(package: Package) -> dict[str, bytes]:
    """Download a package and return its files, ready for browsers. Exits on a wrong digest."""
    with tempfile.TemporaryDirectory() as place:
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        packed = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
        archive = Path(place, packed.stdout.split()[-1])
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != package.integrity:
            sys.exit(f"vendor: {package.name} {package.version} is not what was pinned: {digest}")
        with tarfile.open(archive) as tar:
            return {
                name: _for_browsers(name, tar.extractfile(f"package/{path}").read())  # type: ignore[union-attr]
                for path, name in package.files.items()
            }


def _for_browsers(name: str, content: bytes) -> bytes:
    """Resolve bare module names, and drop the pointer to a source map that is not shipped."""
    if not name.endswith(".js"):
        return content
    text = _SOURCE_MAP.sub("\n", content.decode())
    return _BARE_IMPORT.sub(lambda found: f'{found[1]}"{MODULES[found[3]]}"', text).encode()


def check() -> list[str]:
    """What differs between the folder, its list of digests, the pins above and NOTICE."""
    listed = dict(
        reversed(line.split("  ", 1)) for line in (VENDOR / SUMS).read_text().splitlines()
    )
    present = {path.name: _sha256(path.read_bytes()) for path in VENDOR.iterdir()}
    present.pop(SUMS)
    pinned = {name for package in PACKAGES for name in package.files.values()}
    problems = [
        f"{name} is not what `make vendor` writes"
        for name in sorted(listed.keys() | present.keys() | pinned)
        if listed.get(name) != present.get(name) or name not in pinned
    ]
    notice = (ROOT / "NOTICE").read_text()
    problems += [
        f"NOTICE does not name {package.name} {package.version}, {package.license}"
        for package in PACKAGES
        if f"{package.name} {package.version}, {package.license}" not in notice
    ]
    return problems


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
