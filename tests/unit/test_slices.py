"""A slice of all tests: each test is in one, they take about as long, and what was cut is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import TESTS
from rig.slices import SliceError, chosen, numbers


@given(st.lists(st.floats(0, 1000)), st.integers(1, 20))
def test_each_test_is_in_one_slice(seconds: list[float], whole: int) -> None:
    found = [chosen(seconds, which, whole) for which in range(1, whole + 1)]
    assert [sum(each) for each in zip(*found, strict=True)] == [1] * len(seconds)


def test_slices_take_equally_long() -> None:
    seconds = [0.1] * 1000 + [20.0] * 30
    shares = [
        sum(each for each, it_is in zip(seconds, chosen(seconds, which, 7), strict=True) if it_is)
        for which in range(1, 8)
    ]
    assert max(shares) - min(shares) <= 20.0
    assert sum(shares) == pytest.approx(700.0)


@pytest.mark.parametrize("text", ["0/8", "9/8", "8", "/", "a/b", "1/", "-1/8", "1/0", "1/2/3"])
def test_what_is_no_slice(text: str) -> None:
    with pytest.raises(SliceError, match="SLICE=1/8"):
        numbers(text)


def ran(folder: Path, *arguments: str, part: str = "") -> str:
    """What pytest says of the tests in that folder."""
    code = (
        "import pytest, sys; from rig.slices import Slice; pytest.main(sys.argv[2:], plugins=[Slice(sys.argv[1], '')])"
    )
    words = (sys.executable, "-c", code, part, "-p", "no:cacheprovider", *arguments)
    return subprocess.run(
        words, cwd=folder, env={"PYTHONPATH": str(TESTS)}, capture_output=True, text=True, check=True
    ).stdout


def test_what_was_cut_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_one(): assert 0\ndef test_two(): pass\ndef test_three(): pass\n")
    said = ran(tmp_path, "-x")
    assert "not run: 2" in said
    assert "    2 test_it.py" in said


def test_a_slice_of_a_run(tmp_path: Path) -> None:
    names = "one", "two", "three", "four"
    (tmp_path / "test_it.py").write_text("".join(f"def test_{name}(): pass\n" for name in names))
    for part, mine in (("1/2", names[:2]), ("2/2", names[2:])):
        said = ran(tmp_path, "-v", part=part)
        assert [name for name in names if f"test_{name} PASSED" in said] == list(mine)
        assert "not run" not in said
