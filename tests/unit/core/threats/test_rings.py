"""The routes through io_uring: one for each that is a call which it makes as well."""

from __future__ import annotations

import pytest

from stratascope.core.ground import UNREAD
from stratascope.core.threats.catalogue import all_threats, threats_by_id
from stratascope.core.threats.catalogue.rings import OPERATIONS, RING
from stratascope.core.threats.ground_rulings import ground_ruling
from stratascope.core.threats.needs import Calls, KernelSince, Need
from stratascope.core.threats.threat import Route, Stance
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import replace


def needs_of(route: Route) -> list[Need]:
    return [need for step in route.steps for need in step.needs]


def _is_ring(route: Route) -> bool:
    return len(route.steps) > 1 and route.steps[0].needs == RING


def rings(threat: str) -> list[Route]:
    return [route for route in threats_by_id()[threat].routes if _is_ring(route)]


def test_each_operation_is_named_after_a_call_that_exists() -> None:
    assert OPERATIONS.keys() <= numbers(Abi.X86_64).keys()


@pytest.mark.parametrize(
    ("threat", "since"),
    [
        ("vsock", (5, 19)),
        ("crypto-socket", (5, 19)),
        ("use-engine-socket", (5, 5)),
        ("bind-low-port", (6, 11)),
        ("set-file-capabilities", (5, 19)),
        ("plant-set-uid-on-host", (5, 6)),
    ],
)
def test_a_call_that_a_queue_makes_as_well(threat: str, since: tuple[int, int]) -> None:
    route = rings(threat)[0]
    needs = needs_of(route)
    assert KernelSince(since) in needs
    named = {way.name for need in needs if isinstance(need, Calls) for way in need.ways}
    assert not named & OPERATIONS.keys()


def test_every_other_need_of_the_way_stays() -> None:
    for threat in all_threats():
        plain = [route for route in threat.routes if not _is_ring(route)]
        for route in rings(threat.id):
            kept = {need for need in needs_of(route) if not isinstance(need, KernelSince)} - set(RING)
            assert any(kept <= set(needs_of(other)) for other in plain), threat.id
    assert rings("mount-file-system") == rings("trace-child") == []


@pytest.mark.parametrize(
    ("kernel", "stance"),
    [
        ("6.18.44", Stance.LETS_THROUGH),
        ("5.19.0-rc1", Stance.LETS_THROUGH),
        ("5.18.9", Stance.STOPS),
        ("5.14.0-503.el9.x86_64", Stance.UNKNOWN),
        ("", Stance.UNKNOWN),
        ("strange", Stance.UNKNOWN),
    ],
)
def test_the_kernel_s_release(kernel: str, stance: Stance) -> None:
    found = ground_ruling(KernelSince((5, 19)), replace(UNREAD, kernel=kernel))
    assert found is not None
    assert found.stance is stance
