"""The demo bots' server: fastapi_poe's endpoints, and the files that the bots make."""

import logging

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
    server.get("/files/{colours}.png")(picture)
    server.get("/files/{name}.wav")(tune)
    server.get("/files/{colours}.avi")(film)
    return server


def picture(colours: str) -> Response:
    """The picture that the name describes, drawn anew; 404 for a name that describes none."""
    try:
        return Response(draw(colours), media_type="image/png")
    except ValueError:
        return Response("No such picture.", status_code=404, media_type="text/plain")


def tune(name: str) -> Response:
    """The sound of that name, played anew; 404 for a name that stands for none."""
    try:
        return Response(play(name), media_type="audio/wav")
    except ValueError:
        return Response("No such tune.", status_code=404, media_type="text/plain")


def film(colours: str) -> Response:
    """The film that the name describes, shot anew; 404 for a name that describes none."""
    try:
        return Response(shoot(colours), media_type="video/x-msvideo")
    except ValueError:
        return Response("No such film.", status_code=404, media_type="text/plain")


def bot_urls(base: str) -> str:
    """The setting BOT_URLS for the bots served at ``base``, an address without a slash at its end.

    >>> bot_urls("http://127.0.0.1:9000").split(",")[0]
    'demo-echo=http://127.0.0.1:9000/demo-echo'
    """
    return ",".join(f"{bot.name}={base}{bot.path}" for bot in BOTS)
