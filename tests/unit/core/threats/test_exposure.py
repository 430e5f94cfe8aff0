"""The exposure of recorded containers: every step is seen in it, and more depth never raises it.

The containers are those in which everything was tried (tests/machine/attempts); the same on running ones:
tests/machine/test_calibration.py.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations, zip_longest

import pytest

from machine.attempts.compare import states
from machine.attempts.trial import recorded
from rig.engine import KINDS
from stratascope.core.threats.depth import BANDS, Matrix, ThreatState
from stratascope.core.threats.threat import Outcome

# A user alone is no step: a set-uid program in the image of the trials makes whoever starts it root
STEPS = {
    "limits": -1, "no-new-privs": -1, "no-capabilities": -1, "user-no-new-privs": -1, "read-only": -1, "uid-map": -1,
    "seccomp-off": 1, "add-net_admin": 1, "add-sys_ptrace": 1, "add-sys_admin": 1, "host-network": 1, "host-pid": 1,
    "socket": 1, "host-folder": 1,
}  # fmt: skip
ONLY = {"uid-map": ("podman_rootful",)}
# As in tests/machine/test_calibration.py
WITHOUT_EFFECT = {
    "host-network": ("docker_rootful", "docker_rootless"),
    # a rootless engine sets none with old control groups; Podman's filter lets them be lifted there
    "limits": ("docker_rootless", "podman_rootless", "podman_rootful"),
}


@cache
def matrices(engine: str) -> dict[str, Matrix]:
    trial = next(each for each in recorded() if each.engine == engine)
    return {name: state.matrix for name, state in states(trial).items() if state.matrix is not None}


_NO_ROUTE = (100, 100)


def _factors(state: ThreatState) -> tuple[tuple[int, int], ...]:
    """How deep each route is, for certain and at best; the ground's help as a half, a program's of the image less."""
    return tuple(
        (
            2 * each.least - each.held or (each.outcome is Outcome.STOPPED),
            2 * each.most - each.held or (each.outcome is not Outcome.OPEN),
        )
        for each in state.routes
    )


def _pairs(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> list[tuple[tuple[int, int], ...]]:
    """The same routes of both; those through programs come last, and not every container has any."""
    return list(zip_longest(one, other, fillvalue=_NO_ROUTE))


@pytest.mark.parametrize("engine", KINDS)
@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_seen(name: str, engine: str) -> None:
    if engine not in ONLY.get(name, KINDS):
        return
    default, other = matrices(engine)["default"], matrices(engine)[name]
    step = round(other.exposure.worst - default.exposure.worst, 1)
    if engine in WITHOUT_EFFECT.get(name, ()):
        # whether a route leads to the cloud's metadata is a matter of each network
        held = [
            [(state.outcome, state.depth) for state in each.threats if state.threat.id != "read-cloud-metadata"]
            for each in (default, other)
        ]
        assert held[0] == held[1]
        assert step == 0.0
    else:
        assert step * STEPS[name] >= 0.1


@pytest.mark.parametrize("engine", KINDS)
def test_more_depth_never_raises_it(engine: str) -> None:
    known = matrices(engine)
    factors = {name: [_factors(state) for state in matrix.threats] for name, matrix in known.items()}
    compared = 0
    for one, other in permutations(known, 2):
        pairs = [pair for ways in zip(factors[one], factors[other], strict=True) for pair in _pairs(*ways)]
        if all(least <= more and best <= better for (least, best), (more, better) in pairs):
            compared += 1
            assert known[other].exposure.worst <= known[one].exposure.worst, (one, other)
            assert known[other].exposure.best <= known[one].exposure.best, (one, other)
    assert compared > len(known)


@pytest.mark.parametrize("engine", KINDS)
def test_the_worst_gives_the_band(engine: str) -> None:
    for name, matrix in matrices(engine).items():
        for open_ones, number in (
            ((Outcome.OPEN,), matrix.exposure.best),
            ((Outcome.OPEN, Outcome.UNKNOWN), matrix.exposure.worst),
        ):
            through = {state.at_stake for state in matrix.threats if state.held or state.outcome in open_ones}
            band = next((band for severity, band in BANDS.items() if severity in through), None)
            assert (4.0 if band else 0.0) <= number <= (band.most if band else 3.9), name
            assert band is None or number >= band.least, name
