"""Another client of the same worker, in a process of its own: it measures what it has to wait.

Run as ``python -m tests.attacks.neighbour PORT WORKER_PID``. It prints a line once its stream has
begun. At the end of its standard input it prints ``{"wait": s, "busy": s}``: its longest wait
between two tokens of a bot that writes one every 20 ms, and the most processor time that the
worker's main thread spent in such a wait. The latter says how long the worker itself held others
up, however busy the machine is.
"""

import json
import socket
import sys
import threading
import time
from pathlib import Path

KEY = "neighbour"
BODY = json.dumps(
    {"model": "endless-", "stream": True, "messages": [{"role": "user", "content": "x"}]}
)


def busy_seconds(pid: int) -> float:
    """Of the main thread: the hub's (proc(5), schedstat, in nanoseconds)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def _wait_for_the_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main(port: int, pid: int) -> None:
    ended = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(ended,), daemon=True).start()
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
    )
    seen = b""
    while b"more" not in seen:
        seen += sock.recv(65_536)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    longest, most, last, used = 0.0, 0.0, time.monotonic(), busy_seconds(pid)
    while not ended.is_set():
        if not sock.recv(65_536):
            raise ConnectionError("the stream ended")
        now, spent = time.monotonic(), busy_seconds(pid)
        longest, most = max(longest, now - last), max(most, spent - used)
        last, used = now, spent
    sys.stdout.write(json.dumps({"wait": longest, "busy": most}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
