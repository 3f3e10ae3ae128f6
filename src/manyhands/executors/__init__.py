"""Where attempts run: each module one way, found by the entry point `manyhands.executors`."""
