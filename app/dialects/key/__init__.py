"""What a client may know of its own token."""
