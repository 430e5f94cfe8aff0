"""The modes of seccomp(2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import SeccompMode, seccomp_mode


@pytest.mark.parametrize(("number", "name"), [(0, "disabled"), (1, "strict"), (2, "filter"), (3, "filter")])
def test_modes(number: int, name: str) -> None:
    assert seccomp_mode(number).value == name


@pytest.mark.parametrize("number", [-1, 4, 1 << 40])
def test_no_such_mode(number: int) -> None:
    with pytest.raises(DecodeError):
        seccomp_mode(number)


@given(st.integers())
def test_any_number_is_a_mode_or_a_decode_error(number: int) -> None:
    try:
        mode = seccomp_mode(number)
    except DecodeError:
        assert not 0 <= number <= 3
    else:
        assert mode in SeccompMode
