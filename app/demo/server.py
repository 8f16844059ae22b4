"""The demo bots' server: fastapi_poe's endpoints, and the files that the bots make."""

import logging
from collections.abc import Callable

import fastapi_poe as fp
from fastapi import FastAPI, Response

from app.demo import bots
from app.demo.agent import Agent
from app.demo.film import Film
from app.demo.picture import draw
from app.demo.sound import play
from app.demo.video import shoot
from app.demo.voice import Speech, Transcriber

BOTS = (*bots.BOTS, Agent(), Speech(), Transcriber(), Film())


def application() -> FastAPI:
    """The ASGI application. It takes any credential, so serve it on a loopback port only."""
    # make_app warns of a missing access key, in four lines for each bot, under this name.
    logging.getLogger("uvicorn.default").setLevel(logging.ERROR)
    server = FastAPI(title="Poegate's demo bots", openapi_url=None)
    fp.make_app(BOTS, allow_without_key=True, app=server)
    server.get("/files/{name}.png")(giving(draw, "image/png"))
    server.get("/files/{name}.wav")(giving(play, "audio/wav"))
    server.get("/files/{name}.avi")(giving(shoot, "video/x-msvideo"))
    return server


def giving(make: Callable[[str], bytes], content_type: str) -> Callable[[str], Response]:
    """An endpoint that makes the file of a name anew; 404 for a name that stands for none."""

    def give(name: str) -> Response:
        try:
            return Response(make(name), media_type=content_type)
        except ValueError:
            return Response("No such file.", status_code=404, media_type="text/plain")

    return give


def bot_urls(base: str) -> str:
    """The setting BOT_URLS for the bots served at ``base``, an address without a slash at its end.

    >>> bot_urls("http://127.0.0.1:9000").split(",")[0]
    'demo-echo=http://127.0.0.1:9000/demo-echo'
    """
    return ",".join(f"{bot.name}={base}{bot.path}" for bot in BOTS)
