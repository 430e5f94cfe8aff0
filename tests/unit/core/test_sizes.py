"""Numbers of bytes for people."""

from __future__ import annotations

import pytest

from stratascope.core.text import exact_size, size_text, typed_size


@pytest.mark.parametrize(
    ("number", "rounded", "exact", "typed"),
    [
        (0, "0 B", "0 B", "0"),
        (12, "12 B", "12 B", "12"),
        (1 << 10, "1 KiB", "1 KiB", "1k"),
        (1000000, "976.6 KiB", "1000000 B", "1000000"),
        (512 << 20, "512 MiB", "512 MiB", "512m"),
        (3 << 29, "1.5 GiB", "1536 MiB", "1536m"),
        (11 << 30, "11 GiB", "11 GiB", "11g"),
        (2 << 40, "2 TiB", "2 TiB", "2048g"),
    ],
)
def test_sizes(number: int, rounded: str, exact: str, typed: str) -> None:
    assert (size_text(number), exact_size(number), typed_size(number)) == (rounded, exact, typed)
