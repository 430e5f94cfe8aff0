"""io_uring as a way around a filter: a process hands the kernel a request in memory, and no filter sees the call.

Routes that name such a call get another one, which takes io_uring instead. seccomp(2) is asked when a queue is made
(io_uring_setup(2)) and entered; with IORING_SETUP_SQPOLL a kernel thread empties the queue, so that nobody enters it.
Each operation makes the same checks of rights as its call does. Contains no threat.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.threats.catalogue.shared import DIRECT, calls, initial
from stratascope.core.threats.needs import Allowed, Calls, Feature, KernelSince, Need, Setting
from stratascope.core.threats.threat import Route, Step, Threat
from stratascope.value import replace

# Calls that have an operation of the same effect, and the release that brought it; io_uring_enter(2)
OPERATIONS: dict[str, tuple[str, tuple[int, int]]] = {
    "sendmsg": ("IORING_OP_SENDMSG", (5, 3)),
    "sendto": ("IORING_OP_SENDMSG", (5, 3)),
    "connect": ("IORING_OP_CONNECT", (5, 5)),
    "open": ("IORING_OP_OPENAT", (5, 6)),
    "openat": ("IORING_OP_OPENAT", (5, 6)),
    "openat2": ("IORING_OP_OPENAT2", (5, 6)),
    "creat": ("IORING_OP_OPENAT", (5, 6)),
    "epoll_ctl": ("IORING_OP_EPOLL_CTL", (5, 6)),
    "socket": ("IORING_OP_SOCKET", (5, 19)),
    "setxattr": ("IORING_OP_SETXATTR", (5, 19)),
    "fsetxattr": ("IORING_OP_FSETXATTR", (5, 19)),
    "bind": ("IORING_OP_BIND", (6, 11)),
    "listen": ("IORING_OP_LISTEN", (6, 11)),
}
RING: tuple[Need, ...] = (
    calls("io_uring_setup"),
    initial("SYS_ADMIN", only_if=Setting("kernel.io_uring_disabled", ("1",))),
    Allowed(Setting("kernel.io_uring_disabled", ("2",))),
    Feature("io_uring"),
)


def with_rings(threat: Threat) -> Threat:
    """The threat, with a further route for each that is a call which io_uring makes as well."""
    further = [made for route in threat.routes if (made := _by_ring(route)) is not None]
    return replace(threat, routes=(*threat.routes, *further)) if further else threat


def _by_ring(route: Route) -> Route | None:
    steps = tuple([_step(step) for step in route.steps])
    if steps == route.steps:
        return None
    name = msg("through io_uring") if route.name == DIRECT else msg("{way}, through io_uring", way=route.name)
    return Route(name, (Step("io_uring_setup(IORING_SETUP_SQPOLL)", RING), *steps))


def _step(step: Step) -> Step:
    operations: list[str] = []
    needs: list[Need] = []
    for need in step.needs:
        known = [OPERATIONS[way.name] for way in need.ways if way.name in OPERATIONS] if isinstance(need, Calls) else []
        if known:
            name, since = min(known, key=lambda each: each[1])
            operations.append(name)
            needs.append(KernelSince(since))
        else:
            needs.append(need)
    return Step(", ".join(operations), tuple(needs)) if operations else step
