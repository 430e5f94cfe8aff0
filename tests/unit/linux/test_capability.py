"""Names, numbers and sets of capabilities, against what the kernel's header and real processes say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.capability import LAST, NAMES, CapabilitySet, file_capabilities, name_of, number_of
from stratascope.linux.decode import DecodeError


def test_the_names_stand_at_their_numbers() -> None:
    assert len(NAMES) == len(set(NAMES)) == 41
    # some from include/uapi/linux/capability.h, first and last among them
    for number, name in ((0, "CHOWN"), (12, "NET_ADMIN"), (21, "SYS_ADMIN"), (31, "SETFCAP"), (37, "AUDIT_READ")):
        assert name_of(number) == f"CAP_{name}"
    assert name_of(LAST) == "CAP_CHECKPOINT_RESTORE"


def test_the_default_of_docker() -> None:
    default = CapabilitySet.parse("00000000a80425fb")
    assert str(default) == "0x00000000a80425fb"
    assert len(default) == 14
    assert "CAP_NET_RAW" in default.names()
    assert 21 not in default


@pytest.mark.parametrize(("last", "bits"), [(37, 0x3FFFFFFFFF), (40, 0x1FFFFFFFFFF), (44, 0x1FFFFFFFFFFF)])
def test_kernels_with_fewer_or_more(last: int, bits: int) -> None:
    full = CapabilitySet.full(last)
    assert full.bits == bits
    assert len(full.names()) == last + 1
    assert CapabilitySet.of(("ALL",), last) == full


def test_one_that_came_after_our_table() -> None:
    assert CapabilitySet(1 << 45).names() == ("CAP_45",)
    assert number_of("CAP_45") == 45


@pytest.mark.parametrize("name", ["CAP_SYS_ADMIN", "SYS_ADMIN", "sys_admin", "cap_sys_admin"])
def test_spellings(name: str) -> None:
    assert number_of(name) == 21


@pytest.mark.parametrize("name", ["", "CAP_", "ROOT", "CAP_64", "CAP_99", "CAP_-1", "SYS ADMIN"])
def test_no_such_name(name: str) -> None:
    with pytest.raises(DecodeError):
        CapabilitySet.of((name,))


@pytest.mark.parametrize("text", ["", "0x", "xyz", "-1", "1_0", "00000000a80425fb0", " a8"])
def test_no_such_set(text: str) -> None:
    with pytest.raises(DecodeError):
        CapabilitySet.parse(text)


BITS = st.integers(0, (1 << 64) - 1)


@given(BITS, BITS)
def test_sets_behave_as_sets(one: int, two: int) -> None:
    first, second = CapabilitySet(one), CapabilitySet(two)
    assert set(first | second) == set(first) | set(second)
    assert set(first - second) == set(first) - set(second)
    assert set(first & second) == set(first) & set(second)
    assert (first <= second) == (set(first) <= set(second))
    assert CapabilitySet.parse(str(first)) == first
    assert CapabilitySet.of(first.names()) == first


@given(st.text())
def test_any_name_is_a_number_or_a_decode_error(text: str) -> None:
    try:
        assert 0 <= number_of(text) < 64
    except DecodeError:
        assert f"CAP_{text}".upper() not in NAMES


# as `getfattr -n security.capability -e hex` prints them, without 0x: of ping (2), and with the root of a namespace (3)
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0100000200200000000000000000000000000000", ("CAP_NET_RAW",)),
        ("01000002000400000000000000000000" + "00000000", ("CAP_NET_BIND_SERVICE",)),
        ("010000030030000000000000000000000000000000000000", ("CAP_NET_ADMIN", "CAP_NET_RAW")),
        ("0000000200000000000000008000000000000000", ("CAP_BPF",)),
    ],
)
def test_capabilities_of_files(text: str, names: tuple[str, ...]) -> None:
    found = file_capabilities(text)
    assert found is not None
    assert found.names() == names


def test_what_is_no_capabilities_of_a_file() -> None:
    assert file_capabilities("") is None
    for text in ("00", "0g", "01" * 13, "01" * 40):
        with pytest.raises(DecodeError):
            file_capabilities(text)
