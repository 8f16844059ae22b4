"""/files: files that are uploaded to Poe once and then used by their ids."""

import os
import time
import uuid
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import FileStorage

from app.access.client import Client
from app.core.conversation import Media
from app.core.file_ids import FileRecord
from app.core.media import checked_type
from app.core.media_types import HEAD_BYTES, UNKNOWN, type_of_bytes
from app.core.paging import Place
from app.dialects.files import translate as files
from app.dialects.files.answers import (
    AnthropicDeletedSchema,
    AnthropicFileSchema,
    AnthropicFilesSchema,
    DeletedSchema,
    FileSchema,
    FilesSchema,
)
from app.dialects.files.schemas import (
    AnthropicFilesQuerySchema,
    FilesQuerySchema,
    UploadFormSchema,
    UploadSchema,
)
from app.errors import InvalidRequest
from app.http.bot_files import open_for_client, send_bot_file
from app.http.forms import bare_name
from app.http.operations import ACCOUNT_ERRORS, operation
from app.http.record_pages import own_records, read_ordered_page, read_page, records_of
from app.http.services import authenticate, services
from app.http.stored_files import FILES
from app.http.wire_formats import WireFormat, wants_anthropic
from app.poe.links import home_of_uploads
from app.relay.asking import UPLOAD
from app.schemas.loading import load_payload
from app.state.records import RecordList, expiry

blueprint = Blueprint("files", __name__, url_prefix="/files")
FORMAT = WireFormat(blueprint, both_vendors=True)
_UPLOAD_SCHEMA = UploadSchema()
_QUERY_SCHEMA = FilesQuerySchema()
_ANTHROPIC_QUERY_SCHEMA = AnthropicFilesQuerySchema()


def _render(record: FileRecord) -> Response:
    render = files.render_anthropic_file if wants_anthropic() else files.render_file
    return jsonify(render(record))


@blueprint.post("")
@operation(
    "Uploads a file to Poe",
    FileSchema,
    AnthropicFileSchema,
    form=UploadFormSchema,
    versioned=True,
    errors=ACCOUNT_ERRORS,
)
def upload_file() -> Response:
    client = authenticate()
    form = request.form.to_dict()
    if wants_anthropic():
        form.setdefault("purpose", "user_data")
    options, sent = load_payload(_UPLOAD_SCHEMA, form), _sent_file()
    services().store.require_usable()  # else the SDKs would upload it three times, for nothing
    record = _upload(sent, options, client)
    records_of(FILES, client).add(record)
    return _render(record)


def _sent_file() -> FileStorage:
    """Raises InvalidRequest."""
    sent = request.files.get("file")
    if sent is None:
        message = "file: Missing. Send it as the part named 'file' of a multipart/form-data body."
        raise InvalidRequest(message, param="file")
    return sent


def _upload(sent: FileStorage, options: dict[str, Any], client: Client) -> FileRecord:
    """Uploads the file to Poe, where it gets a URL. The gateway keeps no copy."""
    name = bare_name(sent) or "file"
    size = sent.stream.seek(0, os.SEEK_END)
    if not size:
        raise InvalidRequest("file: The file is empty.", param="file")
    sent.stream.seek(0)
    label = checked_type(sent.mimetype or UNKNOWN, "file")
    content_type = type_of_bytes(label, sent.stream.read(HEAD_BYTES))
    media = Media(content_type, name, "file")
    services().relay.admission.admit_request(client)
    attachment = services().relay.asker.with_key(
        client, UPLOAD, partial(services().uploader.upload_stream, sent.stream, media)
    )
    return {
        "id": f"file-{uuid.uuid4().hex}",
        "name": name,
        "bytes": size,
        "purpose": options["purpose"],
        "content_type": attachment.content_type,
        "url": attachment.url,
        "created_at": int(time.time()),
        "expires_at": expiry(options["seconds"] or options["expires_in_seconds"]),
    }


@blueprint.get("")
@operation(
    "The client's files",
    FilesSchema,
    AnthropicFilesSchema,
    query=(FilesQuerySchema, AnthropicFilesQuerySchema),
    versioned=True,
)
def list_files() -> Response:
    records = own_records(FILES)
    if wants_anthropic():
        return _list_for_anthropic(records)
    query = load_payload(_QUERY_SCHEMA, request.args.to_dict())
    purpose = query["purpose"]
    page = read_ordered_page(records, query, lambda record: purpose in (None, record["purpose"]))
    return jsonify(page.render(files.render_file))


def _list_for_anthropic(records: RecordList[FileRecord]) -> Response:
    query = load_payload(_ANTHROPIC_QUERY_SCHEMA, request.args.to_dict())
    after = query["page"] or query["after_id"]
    page = read_page(records, query["limit"], Place(after, query["before_id"]))
    return jsonify(files.render_anthropic_files(page))


@blueprint.get("/<file_id>")
@operation("What is known of a file", FileSchema, AnthropicFileSchema, versioned=True)
def retrieve_file(file_id: str) -> Response:
    return _render(own_records(FILES).get(file_id))


@blueprint.get("/<file_id>/content")
@operation("A file's bytes", "*/*", versioned=True, errors=(502,))
def send_content(file_id: str) -> Response:
    """Streams the file from Poe."""
    record = own_records(FILES).get(file_id)
    settings = services().settings
    opened = open_for_client(record["url"], settings, home_of_uploads(settings))
    response = send_bot_file(opened, record["content_type"])
    # RFC 6266's way for any name; and no browser is to run what a client has uploaded.
    name = quote(record["name"], safe="", errors="replace")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


@blueprint.delete("/<file_id>")
@operation("Forgets a file", DeletedSchema, AnthropicDeletedSchema, versioned=True)
def delete_file(file_id: str) -> Response:
    # Poe has no way to delete an upload: only the id is forgotten.
    own_records(FILES).remove(file_id)
    if wants_anthropic():
        return jsonify({"id": file_id, "type": "file_deleted"})
    return jsonify({"id": file_id, "object": "file", "deleted": True})
