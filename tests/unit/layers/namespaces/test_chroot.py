"""What a process in a chroot has in reach, by what the collector found outside of it."""

from __future__ import annotations

import pytest

from stratascope.core.capture import Capture
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.needs import HostFiles, Need, NewUserNamespace, RootWritable
from stratascope.core.threats.threat import Stance
from stratascope.layers.namespaces.facts import NamespacesFacts, asked_of, decode, gained
from stratascope.layers.namespaces.stances import posture_of, stance_of
from stratascope.layers.toggles import choice_of
from stratascope.linux.capability import CapabilitySet
from unit.layers.surroundings import around, capture, container
from unit.layers.toggle_subjects import DOCKER, default, subject

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
IMAGE = "100 50 0:40 / / rw - overlay overlay rw\n"
BOUND = "102 100 254:0 /etc/cron.d /system rw - ext4 /dev/vda rw\n"
WHOLE = f"{IMAGE}101 100 0:41 / /proc rw - proc proc rw\n{BOUND}"
IN_BOUND = "102 100 254:0 /etc/cron.d/jail / rw - ext4 /dev/vda rw\n"
NEEDS: tuple[Need, ...] = (HostFiles(), HostFiles(system=True), RootWritable(), NewUserNamespace())


def facts_of(mountinfo: str, chroot: str, whole: str = "") -> NamespacesFacts:
    texts = {"mountinfo": mountinfo, "root:chroot": chroot} | ({"root:whole": whole} if whole else {})
    return decode(capture(texts), container(), around())


def stances(facts: NamespacesFacts) -> list[Stance | None]:
    posture = posture_of(facts, asked_of(container()), around())
    rulings = [stance_of(need, posture) for need in NEEDS]
    return [None if ruling is None else ruling.stance for ruling in rulings]


@pytest.mark.parametrize(
    ("mountinfo", "chroot", "whole", "expected"),
    [
        (WHOLE, "100 leaves /jail", "", [OPEN, OPEN, OPEN, None]),
        (WHOLE, "100 reaches /jail", "", [OPEN, OPEN, OPEN, STOPS]),
        (IMAGE, "100 stays /jail", WHOLE, [STOPS, STOPS, OPEN, STOPS]),
        (IN_BOUND, "102 stays /system/jail", WHOLE, [OPEN, OPEN, OPEN, STOPS]),
        (IMAGE + BOUND, "100 stays /jail", WHOLE, [OPEN, OPEN, OPEN, STOPS]),
        (WHOLE, "", "", [OPEN, OPEN, OPEN, None]),
    ],
)
def test_what_is_in_reach(mountinfo: str, chroot: str, whole: str, expected: list[Stance | None]) -> None:
    assert stances(facts_of(mountinfo, chroot, whole)) == expected


def test_who_gets_it_back_leaves() -> None:
    facts = facts_of(IMAGE, "100 stays /jail", WHOLE)
    assert stances(gained(facts, _gain("CAP_SYS_ADMIN"))) == [STOPS, STOPS, OPEN, STOPS]
    assert stances(gained(facts, _gain("CAP_SYS_CHROOT"))) == [OPEN, OPEN, OPEN, None]
    reaching = facts_of(WHOLE, "100 reaches /jail")
    assert stances(gained(reaching, _gain("CAP_SYS_CHROOT"))) == [OPEN, OPEN, OPEN, None]


def test_what_could_not_be_seen_is_not_known() -> None:
    read: Capture = capture({}, denied=("mountinfo", "root:chroot"))
    assert stances(decode(read, container(), around())) == [UNKNOWN] * 4


def test_what_the_engine_mounted_is_held_against_all_of_it() -> None:
    """nsd(8): a first process in an empty chroot, whose list has none of the mounts that its engine was asked for."""
    whole = "100 50 0:40 / / ro - overlay overlay rw\n101 100 0:42 / /run rw - tmpfs tmpfs rw\n"
    whole += "102 100 8:1 /volumes/a /data rw - ext4 /dev/sda1 rw\n"
    facts = facts_of("100 50 0:40 /jail / ro - overlay overlay rw\n", "100 stays /jail", whole)
    for name, value in (("read-only-root", "on"), ("tmpfs", "/run"), ("volume", "/data")):
        assert choice_of(name, value).prove(facts, subject(default(DOCKER))).outcome is Proven.ENFORCED
    in_volume = facts_of("102 100 8:1 /volumes/a / rw - ext4 /dev/sda1 rw\n", "102 stays /data", whole)
    assert choice_of("read-only-root", "on").prove(in_volume, subject(default(DOCKER))).outcome is Proven.ENFORCED
    assert choice_of("tmpfs", "/srv").prove(facts, subject(default(DOCKER))).outcome is Proven.NOT_ENFORCED


def _gain(name: str) -> Gain:
    return Gain(False, CapabilitySet.of((name,)).bits, "execve()", msg("through it"), ())
