"""The far side of every executor: what runs in the process that runs an attempt."""
