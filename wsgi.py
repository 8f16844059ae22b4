"""What gunicorn serves: ``gunicorn wsgi:application``."""

from gunicorn.errors import AppImportError

from app.config import ConfigError
from app.factory import create_app

try:
    application = create_app()
except ConfigError as error:
    # gunicorn then ends at once, with these words and without a trace.
    raise AppImportError(f"poegate: {error}") from error
