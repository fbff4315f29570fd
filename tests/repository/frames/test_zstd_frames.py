"""Single zstd frames: what was compressed comes back, and anything else is refused before room is made for it."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import Damaged
from holdfast.repository.frames.zstd_frames import compress, decompress

PLAIN = b"a row of a table, " * 100


@given(plain=st.binary(min_size=1, max_size=5000), level=st.integers(1, 19), room=st.integers(0, 10))
def test_what_was_compressed_comes_back(plain: bytes, level: int, room: int) -> None:
    assert decompress(memoryview(compress(plain, level)), len(plain) + room, "pack") == plain


def test_a_frame_that_does_not_say_how_long_it_is_is_read_up_to_the_bound() -> None:
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(PLAIN)
    assert decompress(frame, len(PLAIN), "pack") == PLAIN
    with pytest.raises(Damaged, match="pack"):
        decompress(frame, len(PLAIN) - 1, "pack")


def test_a_frame_that_says_it_is_huge_is_refused_unread() -> None:
    params = zstandard.ZstdCompressionParameters.from_level(1, window_log=20)
    huge = zstandard.ZstdCompressor(compression_params=params).compressobj(size=1 << 50).compress(PLAIN * 10000)
    assert zstandard.frame_content_size(huge) == 1 << 50
    with pytest.raises(Damaged, match="another length"):
        decompress(huge, 1 << 20, "pack")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda frame: frame[:-1], id="cut short"),
        pytest.param(lambda frame: frame + b"x", id="something behind it"),
        pytest.param(lambda frame: frame + frame, id="two"),
        pytest.param(lambda frame: b"", id="nothing"),
        pytest.param(lambda frame: PLAIN, id="no frame"),
        pytest.param(lambda frame: compress(b"", 3) + b"x", id="a frame of nothing with something behind it"),
        pytest.param(lambda frame: b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd", id="one to be skipped"),
    ],
)
def test_what_is_not_one_whole_frame_is_damaged(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(Damaged, match="pack 7"):
        decompress(spoil(compress(PLAIN, 3)), 1 << 20, "pack 7")
