"""The SQL store, written once for every database: what it reads and writes, over a thin connection of each dialect."""
