"""Values, calls and callables to bytes and back."""
