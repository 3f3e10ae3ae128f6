"""Imported by the pytest processes of `python -m manyhands.compat`: serves the names in those that are started anew."""

from manyhands.compat.alias import install_as_told

install_as_told()
