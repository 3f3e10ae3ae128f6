"""Frames survive however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.executors import wire


class Stream:
    """A socket that gives what it has in pieces of its own choice."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        self.data = data
        self.cuts = cuts

    def recv(self, size: int) -> bytes:
        size = min(size, self.cuts.pop(0) if self.cuts else size)
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)


def received(stream: Stream) -> list[bytes]:
    frames = wire.Frames()
    found: list[bytes] = []
    with pytest.raises(EOFError):
        while True:
            found += map(bytes, frames.receive(stream))
    return found


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(1, 30), max_size=100))
def test_frames_come_out_as_they_went_in(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(wire.frame(body) for body in bodies)
    assert received(Stream(data, cuts)) == [wire.encode(body) for body in bodies]


@pytest.mark.parametrize("size", [wire.CHUNK - 20, wire.CHUNK, wire.CHUNK + 1, 3 * wire.CHUNK, 1_000_000])
@pytest.mark.parametrize("cuts", [[], [1], [5, 3], [8, 1], [wire.CHUNK - 1], [9] * 50])
def test_large_frames_between_small_ones(size: int, cuts: list[int]) -> None:
    bodies = [b"a", b"x" * size, b"b", b"y" * size, b"c"]
    data = b"".join(wire.frame(body) for body in bodies)
    assert received(Stream(data, list(cuts))) == [wire.encode(body) for body in bodies]


def test_an_end_in_the_middle_of_a_frame_is_an_end() -> None:
    assert received(Stream(wire.frame(b"whole") + wire.frame(b"half")[:-1], [])) == [wire.encode(b"whole")]
    assert received(Stream(wire.frame(b"x" * 200_000)[:-1], [])) == []
