"""Poe's list of models as the page's tests need it: as long as the real one, with parameters.

Run as ``python -m tests.web.catalog PORT``. The bots themselves are those of tests.upstream.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAKERS = ("Anthropic", "OpenAI", "Google", "Meta", "Mistral", "DeepSeek", "Alibaba", "xAI")
OUTPUTS = (["text"], ["text"], ["text"], ["image"], ["video"], ["audio"])
PARAMETERS = [
    {
        "name": "thinking_budget",
        "schema": {"type": "integer", "minimum": 0, "maximum": 16384},
        "default_value": 1024,
        "description": "Tokens that the bot may think for.",
    },
    {
        "name": "reasoning_effort",
        "schema": {"type": "string", "enum": ["low", "medium", "high"]},
        "default_value": "medium",
        "description": "How hard the bot thinks.",
    },
    {"name": "web_search", "schema": {"type": "boolean"}, "default_value": False},
    {"name": "language", "schema": {"type": "string"}, "default_value": None},
    {"name": "free_form", "schema": None, "default_value": None},
]


def model(name: str, owner: str, **facts: Any) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_759_000_000_000,
        "owned_by": owner,
        "description": f"{name} by {owner}.",
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
        "pricing": {"prompt": "0.000003", "completion": "0.000015", "request": None},
        "context_window": {"context_length": 200_000, "max_output_tokens": 64_000},
        "supported_features": ["tools", "web_search"],
        "supported_endpoints": ["/v1/chat/completions", "/v1/messages"],
        "parameters": [],
        **facts,
    }


def filler(number: int) -> dict[str, Any]:
    """One of the many: maker, prices, context and kind change from one to the next."""
    owner = MAKERS[number % len(MAKERS)]
    kinds = OUTPUTS[number % len(OUTPUTS)]
    price = 0.0000001 * (number % 50)
    return model(
        f"{owner}-{number:03}",
        owner,
        created=1_700_000_000_000 + number * 100_000_000,
        architecture={"input_modalities": ["text"], "output_modalities": kinds},
        pricing={"prompt": f"{price:.7f}", "completion": f"{price * 5:.7f}", "request": None},
        context_window={"context_length": 8_000 * (1 + number % 128), "max_output_tokens": 4_000},
        supported_features=["tools"] if number % 3 == 0 else [],
        supported_endpoints=[],
    )


MODELS = [
    model("Claude-Sonnet-4.5", "Anthropic", parameters=PARAMETERS),
    model("GPT-5", "OpenAI", pricing={"prompt": "0.00000125", "completion": "0.00001"}),
    model(
        "GPT-Image-1",
        "OpenAI",
        architecture={"input_modalities": ["text", "image"], "output_modalities": ["image"]},
        pricing={"prompt": None, "completion": None, "request": "1260"},
        supported_features=[],
    ),
    model("count-3", "Poegate's tests", parameters=PARAMETERS),
    *(filler(number) for number in range(396)),
]


class Catalog(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": MODELS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the tests do not read it."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Catalog).serve_forever()
