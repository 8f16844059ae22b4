"""The notations in which models write tool calls, and the reader that finds them in an answer."""
