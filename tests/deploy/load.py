"""``python -m tests.deploy.load URL SECONDS RATE STREAMS``: what clients see who try only once.

RATE whole answers a second, each on a new connection, and STREAMS streams at a time, of which each
takes four seconds. Prints one line of JSON: how often each outcome came, "ok" among them, and the
longest wait for a whole answer in seconds.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer load"}


class Load:
    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc
        self.outcomes: Counter[str] = Counter()
        self.longest = 0.0

    def ask(self, model: str, stream: bool) -> None:
        """One request; its outcome is counted."""
        began = time.monotonic()
        try:
            outcome = self._outcome(model, stream)
        except (OSError, http.client.HTTPException) as error:
            outcome = f"{'stream' if stream else 'whole'}: {type(error).__name__}: {error}"
        self.outcomes[outcome] += 1
        if not stream:
            self.longest = max(self.longest, time.monotonic() - began)

    def _outcome(self, model: str, stream: bool) -> str:
        connection = http.client.HTTPConnection(self.netloc, timeout=TIMEOUT_SECONDS)
        messages = [{"role": "user", "content": "hello"}]
        body = json.dumps({"model": model, "messages": messages, "stream": stream})
        connection.request("POST", "/v1/chat/completions", body, HEADERS)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            return f"HTTP {answer.status}"
        whole = text.endswith(b"data: [DONE]\n\n") if stream else b"hello" in text
        return "ok" if whole else f"cut: {text[-200:]!r}"

    def stream_until(self, end: float) -> None:
        while time.monotonic() < end:
            self.ask("demo-story", stream=True)


def main(url: str, seconds: str, rate: str, streams: str) -> None:
    load, began = Load(url), time.monotonic()
    end = began + float(seconds)
    threads = [threading.Thread(target=load.stream_until, args=(end,)) for _ in range(int(streams))]
    threads += [
        threading.Timer(number / float(rate), load.ask, ("demo-echo", False))
        for number in range(int(float(seconds) * float(rate)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"outcomes": load.outcomes, "longest": load.longest}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
