"""Runs a module as ``python -m`` does, and notes which lines of app/ its processes execute.

``python -m tests.covered FOLDER MODULE [ARGUMENT ...]``: each process writes FOLDER/PID.json at its
end, in the form that ``python -m slipcover --merge`` reads. A process that is killed writes none.
"""

import atexit
import json
import os
import runpy
import signal
import sys
from pathlib import Path

import slipcover  # type: ignore[import-untyped]

SOURCES = ["app"]


def main() -> None:
    folder, module, *arguments = sys.argv[1:]
    noted = slipcover.Slipcover(source=SOURCES)
    os.register_at_fork(after_in_child=noted.signal_child_process)

    def write() -> None:
        Path(folder, f"{os.getpid()}.json").write_text(json.dumps(noted.get_coverage()))

    atexit.register(write)
    # uvicorn raises the signal once more when it is done, and a signal runs no atexit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.argv = [module, *arguments]
    with slipcover.ImportManager(noted, slipcover.FileMatcher(sources=SOURCES)):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


main()
