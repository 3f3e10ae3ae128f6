"""Web pages that show what runs, and let people act on it."""
