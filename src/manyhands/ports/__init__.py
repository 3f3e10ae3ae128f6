"""Protocols whose docstrings are obligations on whatever stands behind them."""
