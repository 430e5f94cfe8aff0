"""Which phases make sense for a container, and how much of them was seen."""

from __future__ import annotations

from stratascope.core.container import Asked, AskedMount, AskedPort, Container, Status
from stratascope.core.observation.observation import Observation, Phase, Seen, UsedPort, coverage
from stratascope.value import replace

WEB = Container("docker", "a" * 64, "web", "nginx:1", Status.RUNNING, 7, 1.0, 1.0)


def seen(*phases: Phase) -> Observation:
    return Observation(Seen(60.0, phases=phases))


def test_what_every_container_does() -> None:
    found = coverage(Observation(), WEB)
    assert found.missing == (Phase.START, Phase.STOP)
    assert found.share == 0.0
    assert coverage(seen(Phase.START, Phase.STOP), WEB).share == 1.0


def test_minutes_are_no_coverage() -> None:
    assert coverage(Observation(Seen(1e9)), WEB).share == 0.0


def test_what_it_has_makes_sense_for_it() -> None:
    asked = Asked(
        ports=(AskedPort("80/tcp", "", "80"),),
        mounts=(AskedMount("volume", "/v", "/data", True), AskedMount("bind", "/c", "/conf", False)),
    )
    found = coverage(seen(Phase.START), replace(WEB, asked=asked), caught=1)
    assert found.seen == (Phase.START,)
    assert found.missing == (Phase.REQUESTS, Phase.SAVE, Phase.RELOAD, Phase.STOP)
    assert found.share == 0.2


def test_what_it_has_not_is_not_missed() -> None:
    asked = Asked(mounts=(AskedMount("bind", "/c", "/conf", False), AskedMount("tmpfs", "", "/tmp", True)))
    found = coverage(seen(Phase.START, Phase.STOP), replace(WEB, asked=asked), caught=1 << 14)  # SIGTERM alone
    assert found.missing == ()


def test_a_port_that_was_seen_is_one() -> None:
    found = coverage(Observation(ports=(UsedPort("tcp", 80, False, False),)), WEB)
    assert Phase.REQUESTS in found.missing


def test_what_is_no_duty_counts_where_it_was_seen() -> None:
    found = coverage(seen(Phase.START, Phase.CHILDREN, Phase.SESSIONS), WEB)
    assert found.seen == (Phase.START, Phase.CHILDREN, Phase.SESSIONS)
    assert found.share == 0.75
