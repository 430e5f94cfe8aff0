"""What a collector on another machine may answer is made sure of before it is used, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from stratascope.probe.local import Entries, MalformedError, checked

GAP = ["status", "/proc/7/status", None, "DENIED", 13, ""]


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("odd", [[], {}, ["DENIED"], 0.5, True, "unheard-of", 7])
def test_a_gap_of_another_form(place: int, odd: Any) -> None:
    gap: list[Any] = list(GAP)
    gap[place] = odd
    answer = [[7, [gap], []], [], "", 0]
    fits = (isinstance(odd, str) and place in (0, 1, 5)) or (type(odd) is int and place == 4)
    if fits:
        assert checked(answer) is answer
    else:
        with pytest.raises(MalformedError):
            checked(answer)


def test_a_text_that_many_have_is_stored_once() -> None:
    """Of 250 containers most have the same filter, which is ten thousand characters long."""
    one, other = (Entries().found([[pid, [["seccomp:0", "", "".join(["2a"] * 99)]], []], [], "", 0]) for pid in (7, 8))
    assert one.first.text("seccomp:0") is other.first.text("seccomp:0")
