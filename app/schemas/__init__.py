"""The marshmallow toolbox: fields, loading, paging, and their OpenAPI description."""
