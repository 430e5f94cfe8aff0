"""What attempts on a copy say of a threat: only what they can say, beside what was predicted."""

from __future__ import annotations

import json

import pytest

from stratascope.core.message import msg
from stratascope.core.threats.attempt import AttemptOutcome, RouteLine, Tried
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import ThreatState
from stratascope.core.threats.states import LayerRuling, RouteState
from stratascope.core.threats.threat import Outcome, Route, Ruling, lets, stops
from stratascope.usecases.attempts import reasons
from stratascope.usecases.attempts.attempts import NotTriedError, Told, judged, parsed, threats
from stratascope.value import replace

MOUNT = next(threat for threat in all_threats() if threat.id == "mount-file-system")
PEERS = next(threat for threat in all_threats() if threat.id == "enter-foreign-process")
PLAIN = Told(loose=False, short=False, faked=False, lines=())
THROUGH = RouteLine("x", "direct", "mount(tmpfs)", "open", 0, vain=False, seconds=0.1)
REFUSED = replace(THROUGH, result="stopped", errno=1)
VAIN = replace(REFUSED, errno=0, vain=True)
UNTRIED = replace(THROUGH, result="untried")
ELSEWHERE = replace(THROUGH, result="elsewhere")
DIED = replace(THROUGH, result="unknown")


def state(*layers: str, threat: str = "mount-file-system", more: tuple[RouteState, ...] = ()) -> ThreatState:
    """Stopped by these layers, open without any."""
    found = next(each for each in all_threats() if each.id == threat)
    rulings: list[tuple[str, Ruling]] = [(layer, stops(msg("no"), "@status")) for layer in layers]
    rulings = rulings or [("seccomp", lets(msg("yes"), "@status"))]
    routes = tuple(RouteState(route, tuple(LayerRuling(*each) for each in rulings), None) for route in found.routes)
    outcome = Outcome.STOPPED if layers and not more else Outcome.OPEN
    return ThreatState(found, outcome, (len(layers), len(layers)), False, routes[0], (*routes, *more), ())


def judge(
    *lines: RouteLine,
    original: ThreatState | None = None,
    copy: ThreatState | None = None,
    told: Told = PLAIN,
    name: str = "mount-file-system",
    sees: bool = False,
) -> AttemptOutcome:
    original = state() if original is None else original
    return judged(name, lines, original, original if copy is None else copy, told, sees=sees)


def test_one_that_gets_through_by_any_way_is_open() -> None:
    found = judge(REFUSED, THROUGH)
    assert (found.tried, found.layer, found.call, found.differs) == (Tried.OPEN, None, "mount(tmpfs)", False)
    assert found.seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("layers", "layer"),
    [
        (("capabilities",), "capabilities"),
        (("capabilities", "seccomp"), "seccomp"),
        (("namespaces", "mac"), "namespaces"),
    ],
)
def test_a_filter_answers_before_everybody_else(layers: tuple[str, ...], layer: str) -> None:
    found = judge(VAIN, REFUSED, original=state(*layers))
    assert (found.tried, found.layer, found.errno, found.differs) == (Tried.STOPPED, layer, 1, False)


def test_what_comes_otherwise_differs_and_no_layer_is_named() -> None:
    assert judge(THROUGH, original=state("capabilities")).differs
    refused = judge(REFUSED, original=state())
    assert (refused.differs, refused.layer) == (True, None)


def test_unknown_is_compared_with_nothing() -> None:
    unknown = replace(state(), outcome=Outcome.UNKNOWN)
    assert not judge(THROUGH, original=unknown).differs
    assert judged("mount-file-system", (THROUGH,), None, None, PLAIN, sees=False).predicted is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (judge(UNTRIED), reasons.UNTRIED),
        (judge(), reasons.UNTRIED),
        (judge(REFUSED, DIED), reasons.UNHEARD),
        (judge(THROUGH, original=state("mac"), copy=state()), reasons.UNLIKE),
        (judge(THROUGH, told=replace(PLAIN, loose=True)), reasons.LOOSE),
        (judge(REFUSED, told=replace(PLAIN, short=True)), reasons.SHORT),
        (judge(THROUGH, original=state("seccomp"), told=replace(PLAIN, faked=True)), reasons.HIDDEN),
        (judge(VAIN, original=state(threat=PEERS.id), name=PEERS.id, sees=True), reasons.NOBODY),
    ],
)
def test_what_says_nothing_was_not_tried(found: AttemptOutcome, why: object) -> None:
    assert (found.tried, found.why, found.differs) == (Tried.NOT_TRIED, why, False)


def test_a_program_of_the_image_is_not_run_for_it() -> None:
    through = RouteState(Route(msg("through sudo"), MOUNT.routes[0].steps), (), None)
    stopped = state("capabilities")
    both = state("capabilities", more=(through,))
    assert stopped.outcome is Outcome.STOPPED
    assert judge(REFUSED, original=both).why == reasons.BY_PROGRAM
    assert judge(THROUGH, original=both).tried is Tried.OPEN


def test_what_gets_through_to_others_counts() -> None:
    stopped = state("usermap", threat=PEERS.id)
    found = judge(THROUGH, original=stopped, name=PEERS.id, sees=True)
    assert (found.predicted, found.tried, found.differs) == (Outcome.STOPPED, Tried.OPEN, True)
    assert judge(VAIN, original=stopped, name=PEERS.id).tried is Tried.STOPPED


def test_a_restriction_that_is_missing_takes_nothing_from_a_refusal() -> None:
    assert judge(REFUSED, original=state("mac"), told=replace(PLAIN, loose=True)).tried is Tried.STOPPED


def line(**changed: object) -> str:
    found = {"threat": "bpf", "route": "direct", "result": "open", "errno": 0, "call": "bpf()", "vain": 0, "us": 10}
    return json.dumps({**found, **changed})


def test_only_lines_with_its_word_count() -> None:
    text = "\n".join(
        (
            line(),  # an image's
            "secret" + line(),
            "secret" + line(threat=7),
            "secret" + line(us="long"),
            "secret[]",
            "secret" + "{" * 5000,
            "secret" + json.dumps({"ready": True, "loose": 1, "short": 0, "faked": 0}),
        )
    )
    told = parsed(text, "secret")
    assert [each.threat for each in told.lines] == ["bpf"]
    assert (told.loose, told.short, told.faked) == (True, False, False)


def test_a_threat_that_does_not_exist() -> None:
    assert threats(("bpf", "bpf")) == ("bpf",)
    assert len(threats(())) == len(all_threats())
    with pytest.raises(NotTriedError):
        threats(("fly",))


def test_every_reason_is_about_a_threat() -> None:
    assert reasons.NEVER.keys() <= {threat.id for threat in all_threats()}
    assert len(all_threats()) - len(reasons.NEVER) >= 90


def test_what_is_only_tried_on_a_copy_says_so_unless_another_way_got_through() -> None:
    assert judge(ELSEWHERE).why == judge(REFUSED, ELSEWHERE).why == reasons.ON_A_COPY
    assert judge(THROUGH, ELSEWHERE).tried is Tried.OPEN
