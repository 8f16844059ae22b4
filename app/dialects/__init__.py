"""One folder for each wire format and each group of our own routes."""
