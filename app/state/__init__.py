"""Values that are kept between requests."""
