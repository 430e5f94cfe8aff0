"""Hand-made observations: of a typical web server, and of a hostile container."""

from __future__ import annotations

from stratascope.core.observation.observation import (
    LIST_MOST,
    Observation,
    Phase,
    Seen,
    UsedCall,
    UsedCapability,
    UsedPort,
)
from stratascope.linux.capability import NAMES
from stratascope.value import replace

DAY = 86400.0
MIB = 1 << 20
EVIL = "<img src=x onerror=1>\x1b[31mred\u202eevil\udcff&amp;"
_CALLS = ("read", "write", "openat", "accept4", "epoll_wait", "sendfile", "setuid", "setgid", "chown", "socket")


def web() -> Observation:
    """nginx over three days."""
    return Observation(
        Seen(3 * DAY, 3, 2, 6, 0, 0, (Phase.START, Phase.REQUESTS, Phase.RELOAD)),
        tuple(
            UsedCapability(f"CAP_{name}", True, uses, ("nginx",))
            for name, uses in (("CHOWN", 3), ("NET_BIND_SERVICE", 2), ("SETGID", 8), ("SETUID", 8))
        ),
        tuple(
            UsedCall("x86_64", name, 40 + place, ("nginx",), 0.5 if place < 6 else 600.0 * place)
            for place, name in enumerate(_CALLS)
        ),
        written=("/run", "/run/nginx.pid", *(f"/var/cache/nginx/tmp/{number}" for number in range(31))),
        ports=(UsedPort("tcp", 80, False, True), UsedPort("tcp", 443, False, True), UsedPort("tcp", 9000, True, False)),
        users=((0, 0), (101, 101)),
        peaks=(("cpu", 0.4), ("memory", 212.0 * MIB), ("open_files", 118.0), ("pids", 9.0)),
    )


def hostile() -> Observation:
    """An observation with texts and numbers at their maximum."""
    by = tuple(EVIL * 3 + str(number) for number in range(8))
    return replace(
        web(),
        seen=Seen(1e12, 1 << 53, 1 << 53, 1 << 53, 1 << 53, 1 << 53, tuple(Phase)),
        capabilities=tuple(UsedCapability(name, True, 1 << 53, by) for name in NAMES),
        calls=tuple(UsedCall("x86_64", str(number), 1 << 53, by, float(number)) for number in range(LIST_MOST)),
        written=tuple(f"/{'d' * 200}{number}/{EVIL}/{'x' * 120}" for number in range(LIST_MOST)),
        ports=tuple(UsedPort("tcp", port, False, port % 2 == 0) for port in range(1, 400)),
        peaks=(("cpu", 1e6), ("memory", 2.0**60), ("open_files", 1e12), ("pids", 4e9)),
        unseen=(("users", EVIL * 40),),
    )
