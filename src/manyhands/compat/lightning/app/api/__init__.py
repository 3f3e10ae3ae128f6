"""The names of `lightning.app.api`."""

from manyhands.compat.lightning.app.api.http_methods import Delete, Get, Post, Put

__all__ = ["Delete", "Get", "Post", "Put"]
