"""The programs of the benchmark that have to be fast, in C: made by gcc when they are needed."""

import shutil
import subprocess
from pathlib import Path

from bench.failure import Failure

SOURCES = Path(__file__).with_name("native")
BUILD = Path(__file__).with_name("build")
COMPILE_LIMIT = 60.0  # seconds


def program(name: str) -> Path:
    """The path of a program, compiled anew where its source is newer. Raises Failure."""
    source, binary = SOURCES / f"{name}.c", BUILD / name
    if binary.exists() and binary.stat().st_mtime >= source.stat().st_mtime:
        return binary
    gcc = shutil.which("gcc")
    if gcc is None:
        raise Failure("gcc is not installed (apt-get install gcc libc6-dev)")
    BUILD.mkdir(exist_ok=True)
    command = [gcc, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(binary), str(source)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMPILE_LIMIT, check=False
    )
    if done.returncode:
        raise Failure(f"gcc cannot compile {source.name}:\n{done.stderr}")
    return binary
