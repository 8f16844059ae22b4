"""Code that the routes of all wire formats share."""
