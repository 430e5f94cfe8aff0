"""Who root inside is: recorded containers of root, rootless, keep-id, userns-remap and --uidmap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layer_surroundings import GROUND, around, capture, container
from recorded import recorded, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked
from stratascope.core.ground import Peers, Surroundings
from stratascope.core.layer import Assessment, Rulers, Verdict
from stratascope.i18n import translate
from stratascope.layers.usermap import LAYER, UsermapFacts

DENIED = Gap(GapKind.DENIED, 13)
FULL = "         0          0 4294967295\n"


def look(
    process: Capture, surroundings: Surroundings | None = None, asked: Asked | None = None
) -> tuple[UsermapFacts, Assessment]:
    thing, near = container(asked), surroundings or around()
    facts = LAYER.decode(process, thing, near)
    return facts, LAYER.assess(facts, LAYER.asked(thing), near)


def codes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.findings}


@pytest.mark.parametrize(
    ("name", "verdict", "root", "initial"),
    [
        ("docker-default", Verdict.OPEN, 0, True),
        ("docker-user1000", Verdict.WEAKENED, 0, True),
        ("docker-usernsremap", Verdict.ENFORCED, 231072, False),
        ("podman-uidmap", Verdict.ENFORCED, 200000, False),
        ("rootless-default", Verdict.WEAKENED, 1000, False),
        ("rootless-keepid", Verdict.WEAKENED, 100000, False),
    ],
)
def test_recorded(name: str, verdict: Verdict, root: int, initial: bool) -> None:
    facts, assessment = look(recorded(f"lsm/apparmor/{name}"), around(rootless=name.startswith("rootless")))
    assert assessment.verdict is verdict
    assert facts.root_is_host_uid == root
    assert facts.initial_namespace is initial
    assert facts.uid_map is not None
    assert len(translate(assessment.fact)) <= 45


def test_ids_on_both_sides() -> None:
    facts, _ = look(recorded("lsm/apparmor/rootless-keepid"), around(rootless=True))
    assert facts.uid_map == ((0, 100000, 1000), (1000, 1000, 1), (1001, 101000, 64536))
    assert (facts.uid_inside, facts.uid_outside, facts.owner_inside) == (1000, 1000, 1000)


def test_rulers_have_every_range() -> None:
    lines = "".join(f"{number} {100000 + number} 1\n" for number in range(340))
    _, assessment = look(capture({"uid_map": lines, "gid_map": lines, "status": "Uid:\t1\t1\t1\t1\n"}))
    drawn = [view for view in assessment.tabs[0].views if isinstance(view, Rulers)]
    assert [len(view.ranges) for view in drawn] == [340, 340]


def test_shared_range() -> None:
    near = around(peers=Peers(uid_range=("db",)))
    facts, assessment = look(recorded("lsm/apparmor/podman-uidmap"), near)
    assert facts.range_shared_with == ("db",)
    assert assessment.verdict is Verdict.WEAKENED
    assert "usermap.shared-range" in codes(assessment)


def test_ordinary_user_still_knows_that_root_is_root() -> None:
    facts, assessment = look(with_gap(recorded("lsm/apparmor/docker-default"), "ns/user", DENIED))
    assert facts.initial_namespace is None
    assert assessment.verdict is Verdict.OPEN
    assert [gap.what for gap in assessment.gaps] == ["ns/user"]


@pytest.mark.parametrize("name", ["uid_map", "status"])
def test_unreadable_is_unknown(name: str) -> None:
    _, assessment = look(with_gap(recorded("lsm/apparmor/docker-default"), name, DENIED))
    assert assessment.verdict is Verdict.UNKNOWN
    assert name in {gap.what for gap in assessment.gaps}


def test_damaged_map_is_a_gap() -> None:
    facts, assessment = look(with_text(recorded("lsm/apparmor/docker-default"), "uid_map", "0 0\n"))
    assert facts.uid_map is None
    assert assessment.verdict is Verdict.UNKNOWN


def test_a_reader_inside_a_user_namespace_knows_nothing_of_the_host() -> None:
    ground = replace(GROUND, initial_user_namespace=False)
    _, assessment = look(recorded("lsm/apparmor/podman-uidmap"), around(ground=ground))
    assert assessment.verdict is Verdict.UNKNOWN
    assert assessment.findings == ()


def test_no_root_inside() -> None:
    texts = {
        "uid_map": "1000 200000 10\n",
        "gid_map": "1000 200000 10\n",
        "status": "Uid:\t200000\t200000\t200000\t200000\n",
    }
    facts, assessment = look(capture(texts))
    assert facts.root_mapped is False
    assert facts.uid_inside == 1000
    assert assessment.verdict is Verdict.ENFORCED


def test_another_map_than_asked_for() -> None:
    process = recorded("lsm/apparmor/docker-default")
    assert "usermap.drift-map" in codes(look(process, asked=Asked(uid_map=((0, 200000, 65536),)))[1])
    assert "usermap.drift-map" in codes(look(process, asked=Asked(userns_mode="auto"))[1])


def test_drift_of_a_process() -> None:
    first = capture({"uid_map": FULL, "gid_map": FULL})
    other = capture({"uid_map": "0 1000 1\n", "gid_map": FULL})
    assert [drift.field for drift in LAYER.drift(first, other)] == ["usermap.uid_map"]
    assert LAYER.drift(first, first) == ()
