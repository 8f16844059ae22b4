"""Points: Poe's balance and history."""
