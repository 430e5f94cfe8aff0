"""A relaunch as it is written down: its members, and names of images that every engine takes."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rig.core.transactions import PLAIN
from stratascope.core.relaunch.launch_spec import RestartPolicy, layer_image, own_image
from stratascope.core.relaunch.transaction import Transaction
from stratascope.value import replace

# github.com/distribution/reference, regexp.go: a path component, and a tag
_REPOSITORY = re.compile(r"localhost/stratascope/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*").fullmatch
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII).fullmatch


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=300))
def test_an_image_is_called_as_engines_take_it(name: str) -> None:
    found = layer_image(name, "0123456789abcdef")
    repository, _, tag = found.rpartition(":")
    assert _REPOSITORY(repository), found
    assert _TAG(tag)
    assert len(found) < 255
    assert own_image(found) == found


def test_a_name_can_be_told_from_the_image() -> None:
    assert layer_image("My__App.2-x", "ab12") == "localhost/stratascope/my-app-2-x:ab12"
    assert layer_image("_._", "ab12") == "localhost/stratascope/container:ab12"
    assert own_image("docker.io/library/nginx:1") == ""


def test_the_members_are_the_container_and_its_followers() -> None:
    (own,) = PLAIN.members
    assert (own.name, own.old, own.new, own.new_restart) == ("web", PLAIN.old, PLAIN.new, RestartPolicy("always"))
    assert PLAIN.with_members((own,)) == PLAIN
    other = replace(own, name="side", old="c" * 64, new="d" * 64)
    both = PLAIN.with_members((replace(own, new="e" * 64), other))
    assert (both.new, both.further, both.id) == ("e" * 64, (other,), PLAIN.id)
    assert both.members[1] == other
    assert all(both.concerns(letter * 64) for letter in "acde")
    assert not both.concerns("b" * 64)


def test_a_journal_from_before_there_were_members_is_read() -> None:
    written = msgspec.to_builtins(PLAIN)
    for key in ("image", "old_image", "further"):
        del written[key]
    assert msgspec.convert(written, Transaction) == PLAIN
