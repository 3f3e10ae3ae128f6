"""Codecs over blobs in memory."""

import pytest

from manyhands.codecs.kit import Kit
from manyhands.stores.blobs import MemoryBlobs


@pytest.fixture
def kit() -> Kit:
    return Kit(MemoryBlobs())


@pytest.fixture
def plain_kit() -> Kit:
    """One that may not pickle."""
    return Kit(MemoryBlobs(), allow_pickle=False)
