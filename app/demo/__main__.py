"""``python -m app.demo``, which is ``make run``: the gateway, and the demo bots behind it."""

import json
import os
import sys
from contextlib import ExitStack

from app.config import ConfigError, Settings, load_settings
from app.demo.bots import Image
from app.demo.children import (
    Child,
    ServersFailed,
    StopRequests,
    check_free,
    run_together,
)
from app.demo.film import Film
from app.demo.server import BOTS, bot_urls

# A host that means "every address of this machine" is no address to call.
CALLABLE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}

WELCOME = """
Poegate serves at {url}  (Ctrl-C ends it)

Try:

  {curl}

Demo bots, which need no key and no network: {bots}.
Every other model name goes to Poe{key_hint}
"""
CURL = (
    "curl -N {url}/v1/chat/completions -H 'Authorization: Bearer {credential}' "
    "-H 'Content-Type: application/json' -d '{body}'"
)
BODY = {
    "model": "demo-echo",
    "stream": True,
    "messages": [{"role": "user", "content": "Hello from Poegate!"}],
}


def main() -> int:
    """Serve until asked to stop. The exit code is 1 where something else ended the servers."""
    try:
        serve(load_settings())
    except (ConfigError, ServersFailed) as error:
        print(f"poegate: {error}", file=sys.stderr)
        return 1
    return 0


def serve(settings: Settings) -> None:
    """Run both servers until a signal says stop; raises ServersFailed where one won't go on."""
    stop = StopRequests()
    stop.listen()
    port = check_free(settings.host, settings.port)
    url = gateway_url(settings.host, port)
    with ExitStack() as children:  # left in reverse: the gateway ends while its bots still answer
        bots = children.enter_context(start_bots(check_free("127.0.0.1", 0), stop))
        environ = {
            **os.environ,
            "PORT": str(port),
            "BOT_URLS": all_bot_urls(f"http://{bots.probe.netloc}", settings),
            **usual_bots(settings),
        }
        gateway = children.enter_context(start_gateway(url, environ, stop))
        run_together((bots, gateway), stop, lambda: print(welcome(url, settings), flush=True))


def start_bots(port: int, stop: StopRequests) -> Child:
    command = ["uvicorn", "app.demo.server:application", "--factory"]
    options = ["--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "3"]
    probe = f"http://127.0.0.1:{port}{BOTS[0].path}"
    return Child("the demo bots' server", command + options, probe, stop)


def start_gateway(url: str, environ: dict[str, str], stop: StopRequests) -> Child:
    command = ["gunicorn", "wsgi:application"]
    return Child("the gateway", command, f"{url}/healthz", stop, environ)


def gateway_url(host: str, port: int) -> str:
    name = CALLABLE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def all_bot_urls(base: str, settings: Settings) -> str:
    """BOT_URLS for the gateway: the demo bots, then the user's own, as the first match counts."""
    own = (f"{glob}={url}" for glob, url in settings.bot_urls)
    # As a JSON list, for a URL of the user's may hold a comma.
    return json.dumps([*bot_urls(base).split(","), *own])


def usual_bots(settings: Settings) -> dict[str, str]:
    """For requests that name no model: demo bots, unless the user has chosen others."""
    usual, chosen = Settings(), {}
    if settings.image_model == usual.image_model:
        chosen["IMAGE_MODEL"] = Image.name
    if settings.video_model == usual.video_model:
        chosen["VIDEO_MODEL"] = Film.name
    return chosen


def welcome(url: str, settings: Settings) -> str:
    """What to read once all is up: the address, a line to try, and the way to Poe."""
    own_key = not settings.access_tokens
    credential = "any-key" if own_key else "ONE_OF_YOUR_ACCESS_TOKENS"
    return WELCOME.format(
        url=url,
        curl=CURL.format(url=url, credential=credential, body=json.dumps(BODY)),
        bots=", ".join(bot.name for bot in BOTS),
        key_hint=": put your own key (poe.com/api_key) in place of any-key." if own_key else ".",
    )


if __name__ == "__main__":
    sys.exit(main())
