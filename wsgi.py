"""What gunicorn serves: ``gunicorn wsgi:application``."""

import gc

# What is imported and built here stays: to look through it for garbage takes a tenth of the start.
gc.disable()

from gunicorn.errors import AppImportError  # noqa: E402

from app.config import ConfigError  # noqa: E402
from app.factory import create_app  # noqa: E402

try:
    application = create_app()
except ConfigError as error:
    # gunicorn then ends at once, with these words and without a trace.
    raise AppImportError(f"poegate: {error}") from error
finally:
    gc.enable()
