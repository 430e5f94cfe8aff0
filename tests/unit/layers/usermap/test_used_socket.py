"""A user that could not open the engine's socket which the container uses: told before it is run as non-root."""

from __future__ import annotations

import pytest

from rig.recorded import recorded
from stratascope.core.container import Asked
from stratascope.core.ground import SpecialFile
from stratascope.core.relaunch.toggle import Subject, Use
from stratascope.i18n.translate import translate
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.layers.usermap.toggles import USER
from stratascope.value import replace
from unit.layers.toggle_subjects import subject

SOCKET = "/var/run/docker.sock"


def uses(mode: int = 0o660, gid: int = 105, kind: str = "s", asked: Asked | None = None, word: str = SOCKET) -> Subject:
    """One whose environment names the socket."""
    known = subject(asked, recorded("lsm/apparmor/docker-default"), environment=(f"DOCKER_HOST=unix://{word}",))
    special = (SpecialFile(kind, 0, 0, 0, gid, mode, "1:2", SOCKET),)
    facts = tuple(
        (layer, replace(each, special=special) if isinstance(each, UsermapFacts) else each)
        for layer, each in known.facts
    )
    return replace(known, facts=facts)


@pytest.mark.parametrize("value", ["1000:1000", "33:33"])
def test_a_user_that_the_socket_is_closed_to_would_lose_it(value: str) -> None:
    found = USER.evidence(value, uses())
    assert found.use is Use.USED
    assert translate(found.why) == f"It uses the engine's socket at {SOCKET}, which user {value} can't open."


def test_without_a_group_it_depends_on_the_images() -> None:
    found = USER.evidence("1000", uses())
    assert found.use is Use.UNKNOWN
    assert translate(found.why).endswith("user 1000 can open it only if its group is 105.")


def test_nobody_else_can_open_it() -> None:
    assert USER.evidence("1000", uses(mode=0o600)).use is Use.USED


@pytest.mark.parametrize(
    "known",
    [
        uses(mode=0o666),
        uses(kind="b"),
        uses(word="/var/run/other.sock"),
        uses(asked=Asked(groups=("105",))),
    ],
    ids=["open to all", "no socket", "not used", "a group of its own"],
)
def test_else_nothing_is_said_of_it(known: Subject) -> None:
    assert "socket" not in translate(USER.evidence("1000:1000", known).why)


def test_the_group_may_open_it() -> None:
    assert "socket" not in translate(USER.evidence("1000:105", uses()).why)
