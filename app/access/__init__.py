"""Who may ask, by which key of the pool, and how much."""
