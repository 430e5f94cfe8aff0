"""What layer 5 makes of the readings on Landlock: facts, rows, and what is not known without them."""

from __future__ import annotations

import json

import pytest

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Table
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.needs import AbstractSocket, Need, RootWritable
from stratascope.core.threats.states import AsRequested, ruled
from stratascope.core.threats.threat import Basis, Stance
from stratascope.i18n.translate import translate
from stratascope.layers.mac.facts import MacFacts
from stratascope.layers.mac.landlock import LandlockFacts, LandlockRule
from stratascope.layers.mac.layer import LAYER
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container

ACTIVE = around(ground=replace(GROUND, lsms=("capability", "landlock", "bpf")))
WITHOUT = around(ground=replace(GROUND, lsms=("capability", "bpf")))
MOUNTS = "20 1 0:50 / / rw - overlay overlay rw\n21 20 254:0 /srv /data rw - ext4 /dev/vda rw\n"
STATUS = "Name:\tx\nState:\tS\nNoNewPrivs:\t{}\n"
DOMAIN = {
    "layers": [[0x102, 2, 1], [0x100, 0, 0]],
    "files": [[0, 50, 3, 0o40755, 2, "/tmp", [[1, 0xFFFF], [2, 0x100]]], [9, 9, 4, 0o40755, 2, "/x", [[1, 0x2]]]],
    "ports": [[443, [[1, 3]]]],
    "whole": True,
}
SOME: Need = RootWritable()


def read(text: str | None, *, no_new: int = 1, denied: bool = False) -> Capture:
    """A process's readings."""
    texts = {"status": STATUS.format(no_new), "mountinfo": MOUNTS}
    if text is not None:
        texts |= {"bpf:landlock": text, "bpf:domain": "1b2c 1b2b" if text else ""}
    return capture(texts, denied=("bpf:landlock", "bpf:domain") if denied else ())


def facts(found: Capture, surroundings: Surroundings = ACTIVE, **asked: object) -> MacFacts:
    """The layer's facts."""
    decoded = LAYER.decode(found, container(Asked(**asked)), surroundings)  # type: ignore[arg-type]
    assert isinstance(decoded, MacFacts)
    return decoded


def told(free: bool = False) -> str:
    return json.dumps({"free": free, "domains": [DOMAIN]})


def test_a_domain_as_facts() -> None:
    found = facts(read(told()))
    assert found.landlock == LandlockFacts(
        "1b2c",
        2,
        ("write_file", "make_reg", "connect_tcp"),
        (LandlockRule("/tmp", None, ("write_file", "make_reg")), LandlockRule(None, 443, ("connect_tcp",))),
        ("abstract_unix_socket",),
        whole=False,  # one rule lies on a file system that is not in sight
    )
    assert not found.may_be_landlocked


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (told(), "Landlock alone restricts it"),
        ("", "Neither AppArmor nor SELinux is active"),
        (None, "Neither AppArmor nor SELinux is active"),
    ],
)
def test_the_verdict_names_landlock_where_nothing_else_restricts(text: str | None, fact: str) -> None:
    asked = LAYER.asked(container(Asked()))
    assert translate(LAYER.assess(facts(read(text)), asked, ACTIVE).fact) == fact


def test_free_or_weakest() -> None:
    for text in ("", told(free=True)):
        found = facts(read(text))
        assert found.landlock is None
        assert found.confinements == ()


@pytest.mark.parametrize(("no_new", "maybe"), [(1, True), (0, False)])
def test_without_the_reading_it_is_not_known_where_it_may_be(no_new: int, maybe: bool) -> None:
    for found in (read(None, no_new=no_new), read(None, no_new=no_new, denied=True)):
        decoded = facts(found)
        assert isinstance(decoded.landlock, Gap)
        assert decoded.may_be_landlocked is maybe
    assert facts(read(None), WITHOUT).landlock is None
    assert not facts(read(None), WITHOUT).may_be_landlocked


def test_what_the_engine_was_asked_for_explains_it_and_is_told_apart() -> None:
    found = read(None, denied=True)
    for asked, stance, basis in ((False, Stance.UNKNOWN, Basis.KERNEL), (True, Stance.LETS_THROUGH, Basis.ASKED)):
        subject = container(Asked(no_new_privileges=asked))
        posture = LAYER.judged_by(LAYER.decode(found, subject, ACTIVE), LAYER.asked(subject), ACTIVE)
        assert isinstance(posture, AsRequested) or not asked
        for need in needs_of(all_threats()):
            ruling = ruled(LAYER, need, posture)
            assert ruling is None or ruling.stance in (stance, Stance.LETS_THROUGH)
        for need in (SOME, AbstractSocket()):
            ruling = ruled(LAYER, need, posture)
            assert ruling is not None
            assert (ruling.stance, ruling.basis) == (stance, basis)


def test_no_new_privileges_of_the_engine_hide_no_domain() -> None:
    subject = container(Asked(no_new_privileges=True))
    decoded = LAYER.decode(read(told()), subject, ACTIVE)
    posture = LAYER.judged_by(decoded, LAYER.asked(subject), ACTIVE)
    ruling = ruled(LAYER, SOME, posture)
    assert ruling is not None
    assert ruling.stance is not Stance.LETS_THROUGH


@pytest.mark.parametrize(
    ("found", "state", "more"),
    [
        (read(told()), "Restricted by 2 layers", {"Scopes": "abstract_unix_socket", "TCP port 443": "connect_tcp"}),
        (read(""), "Not restricted", {}),
        (read(None, denied=True), "Not known", {}),
    ],
)
def test_rows(found: Capture, state: str, more: dict[str, str]) -> None:
    subject = container()
    assessment = LAYER.assess(LAYER.decode(found, subject, ACTIVE), LAYER.asked(subject), ACTIVE)
    _, tab = assessment.tabs
    (table,) = tab.views
    assert isinstance(table, Table)
    rows = {translate(row.label): translate(row.value) for row in table.rows}
    assert rows["State"] == state
    assert more.items() <= rows.items()
    _, *others = LAYER.assess(facts(found, WITHOUT), LAYER.asked(subject), WITHOUT).tabs
    assert others == []
