"""What the routes of all wire formats share."""
