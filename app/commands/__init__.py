"""What the operator does in a terminal."""
