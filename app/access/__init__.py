"""Who may ask, with which Poe key, and how much."""
