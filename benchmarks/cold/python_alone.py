"""The start of the interpreter itself, below which nothing can be."""

print("done", flush=True)
