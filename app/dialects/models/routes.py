"""GET /models and /models/{name}."""

from flask import Blueprint, Response, jsonify, request

from app.core.paging import Page, Place, cut_page
from app.dialects.models.answers import ModelSchema, ModelsSchema
from app.dialects.models.codex import render_catalog
from app.dialects.models.translate import find_model, for_anthropic, render_models
from app.errors import NotFound, UpstreamError
from app.http.operations import operation
from app.http.services import authenticate, services
from app.http.wire_formats import WireFormat, wants_anthropic
from app.schemas.loading import load_payload
from app.schemas.paging import ModelsQuerySchema

blueprint = Blueprint("models", __name__)
FORMAT = WireFormat(blueprint, both_vendors=True)
_QUERY_SCHEMA = ModelsQuerySchema()


@blueprint.get("/models")
@operation(
    "All models; a page of them with anthropic-version",
    ModelsSchema,
    query=(ModelsQuerySchema,),
    versioned=True,
)
def list_models() -> Response:
    """A page for Anthropic's clients, which send their version; all models for OpenAI's clients,
    which do not page."""
    client, settings = authenticate(), services().settings
    models = [
        model
        for model in render_models(services().catalog.models(), settings)
        if client.rules.allows(services().bot_named(model["id"]))
    ]
    if not wants_anthropic():
        page = Page(models, has_more=False)
        if "client_version" not in request.args:
            return jsonify(page.render())
        catalog = services().catalog
        return jsonify({**page.render(), "models": render_catalog(models, catalog.facts)})
    query = load_payload(_QUERY_SCHEMA, request.args.to_dict())
    page = cut_page(models, query["limit"], Place(query["after_id"], query["before_id"]))
    entries = [for_anthropic(model) for model in page.entries]
    return jsonify(Page(entries, page.has_more).render())


@blueprint.get("/models/<path:name>")
@operation("A model", ModelSchema, versioned=True, errors=(502,))
def retrieve_model(name: str) -> Response:
    client, settings, models = authenticate(), services().settings, services().catalog.models()
    bot = services().bot_named(name)
    model = find_model(name, bot, models, settings)
    if not client.rules.allows(bot):
        model = None  # to this token it is not there
    elif model is None and not services().catalog.was_read:
        raise UpstreamError(
            f"Poe's list of models cannot be fetched, so the model {name!r} was not found."
        )
    if model is None:
        raise NotFound(f"The model {name!r} does not exist.", param="model", code="model_not_found")
    return jsonify(for_anthropic(model) if wants_anthropic() else model)
