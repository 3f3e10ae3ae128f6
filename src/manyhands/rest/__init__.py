"""The HTTP side of a running app: its state and its acts as JSON."""
