"""Landlock domains as the collector tells them, and where their rules hold."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.capability import Securebit, parse_securebits
from stratascope.linux.decode import DecodeError
from stratascope.linux.landlock import File, Landlock, parse_landlock, places
from stratascope.linux.mounts import parse_mountinfo

FOLDER, REGULAR = 0o40755, 0o100644


def told(*files: Any, free: bool = False, whole: bool = True) -> str:
    """One domain of one layer that handles everything, with these rules."""
    domain = {"layers": [[0xFFFF, 3, 3]], "files": list(files), "ports": [[443, [[1, 2]]]], "whole": whole}
    return json.dumps({"free": free, "domains": [domain]})


def test_nothing() -> None:
    assert parse_landlock("") == Landlock(True, ())


def test_a_domain() -> None:
    found = parse_landlock(told([254, 0, 12, FOLDER, 3, "/usr", [[1, 13]]]))
    (domain,) = found.domains
    assert not found.free
    assert domain.whole
    assert domain.files[0].device == "254:0"
    assert domain.files[0].allowed == ((1, File.EXECUTE | File.READ_FILE | File.READ_DIR),)
    assert domain.ports[0].port == 443


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "null", "1", "{}", '{"free": 1, "domains": []}', '{"free": true, "domains": [{}]}'),
        '{"free": true, "domains": [{"layers": [], "files": [], "ports": [], "whole": true}]}',
        '{"free": true, "domains": [{"layers": [[1, 2]], "files": [], "ports": [], "whole": true}]}',
        '{"free": true, "domains": [{"layers": [[-1, 0, 0]], "files": [], "ports": [], "whole": true}]}',
        told([254, 0, 12, FOLDER, 3, "usr", [[1, 13]]]),
        told([254, 0, 12, FOLDER, 3, "/usr", [[1, True]]]),
        told([254, 0, 12, FOLDER, 3, "/usr", [[1, 1]] * 17]),
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_landlock(text)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("free", "domains", "layers", "files", "ports", "whole")), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(st.text() | _JSON.map(json.dumps))
def test_any_text(text: str) -> None:
    with contextlib.suppress(DecodeError):
        parse_landlock(text)


MOUNTS = """\
20 1 0:50 / / rw - overlay overlay rw
21 20 254:0 /srv/data /data rw - ext4 /dev/vda rw
22 20 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw
23 20 0:60 / /tmp rw - tmpfs tmpfs rw
24 23 0:61 / /tmp/over rw - tmpfs tmpfs rw
25 20 0:62 / /tmp rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("device", "path", "seen"),
    [
        pytest.param((0, 50), "/usr", ["/usr"], id="in the root"),
        pytest.param((0, 50), "/", ["/"], id="the root itself"),
        pytest.param((254, 0), "/srv/data", ["/data"], id="a bind mount's own root"),
        pytest.param((254, 0), "/srv/data/a", ["/data/a"], id="below it"),
        pytest.param((254, 0), "/srv", None, id="above it: not on the way up"),
        pytest.param((254, 0), "/srv/database", None, id="beside it"),
        pytest.param((0, 60), "/a", None, id="covered by a later mount"),
        pytest.param((0, 60), "/", ["/tmp"], id="what is mounted on it leads up to it"),
        pytest.param((0, 61), "/", None, id="below what is covered"),
        pytest.param((0, 62), "/a", ["/tmp/a"], id="what covers it"),
        pytest.param((0, 99), "/", None, id="on no visible file system"),
    ],
)
def test_where_a_rule_holds(device: tuple[int, int], path: str, seen: list[str] | None) -> None:
    domain = parse_landlock(told([*device, 7, FOLDER, 3, path, [[1, 1]]])).domains[0]
    known, lost = places(domain, parse_mountinfo(MOUNTS))
    assert [place.path for place in known] == (seen or [])
    assert bool(lost) == (seen is None)


def test_what_was_deleted_holds_nowhere_and_what_has_no_name_is_lost() -> None:
    deleted, nameless = [0, 50, 7, FOLDER, 0, "/gone", [[1, 1]]], [0, 50, 8, FOLDER, 2, None, [[1, 1]]]
    known, lost = places(parse_landlock(told(deleted, nameless)).domains[0], parse_mountinfo(MOUNTS))
    assert known == ()
    assert [rule.inode for rule in lost] == [8]
    # without the root's own mount nothing is known of what lies above it
    domain = parse_landlock(told([254, 0, 7, FOLDER, 2, "/srv/data", [[1, 1]]])).domains[0]
    assert places(domain, parse_mountinfo(MOUNTS.partition("\n")[2]))[0] == ()
    assert places(domain, None)[0] == ()


def test_securebits() -> None:
    assert parse_securebits("3") == Securebit.NOROOT | Securebit.NOROOT_LOCKED
    for text in ("", "x", "-1", "123456789", "0x1"):
        with pytest.raises(DecodeError):
            parse_securebits(text)
