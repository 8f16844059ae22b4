"""GET /models and /models/{id}."""

from flask import Blueprint, Response, jsonify, request

from app.api.house import house
from app.dialects.models import find_model, render_models
from app.errors import NotFound

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def list_models() -> Response:
    house().gatekeeper.lease(request)
    models = render_models(house().catalog.models(), house().settings)
    return jsonify({"object": "list", "data": models})


@blueprint.get("/models/<path:name>")
def retrieve_model(name: str) -> Response:
    house().gatekeeper.lease(request)
    model = find_model(name, house().catalog.models(), house().settings)
    if model is None:
        raise NotFound(f"The model {name!r} does not exist.", param="model", code="model_not_found")
    return jsonify(model)
