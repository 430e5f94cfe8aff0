"""What an engine's process has itself decides what it gives: capabilities, namespaces, mounts."""

from __future__ import annotations

import pytest

from stratascope.core.capture import Capture, Reading
from stratascope.core.container import Asked, Daemon, EngineKind
from stratascope.core.options.capabilities import resulting
from stratascope.core.options.given import GivenOption, Position, Service
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.daemon import of_daemon
from stratascope.value import replace

STATUS = "Name:\t{name}\nUid:\t0\t0\t0\t0\nGid:\t7\t7\t7\t7\nCapBnd:\t000001fffeffffff\n"
MOUNTS = "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / /tmp rw - tmpfs tmpfs rw\n3 2 0:10 / /tmp rw - tmpfs tmpfs rw\n"


def process(name: str = "dockerd", **namespaces: int) -> Capture:
    links = [Reading(f"ns/{kind}", "", f"{kind}:[{inode}]") for kind, inode in namespaces.items()]
    texts = {"status": STATUS.format(name=name), "mountinfo": MOUNTS, "oom_score_adj": "-500\n"}
    return Capture(9, (*links, *(Reading(each, "", text) for each, text in texts.items())))


def test_what_it_passes_on(made: Checker) -> None:
    host, _ = made.predictor(EngineKind.DOCKER)
    net = host.ground.namespace("net")
    assert net is not None
    engine, ground = of_daemon(host.engine, host.ground, process(net=5, pid=host.ground.namespace("pid") or 0))
    assert engine.daemon == Daemon(0x1FFFEFFFFFF, (("pid", True), ("net", False)), -500, 7)
    assert [target for _, _, target in ground.engine_mounts] == ["/", "/tmp"], "what is covered can't be bound"
    assert ground.mounts == host.ground.mounts, "what is the machine's stays so"
    # a thread that makes a container goes into its network, even the first one
    engine, _ = of_daemon(host.engine, host.ground, process(net=5), [process(net=6), process(net=net)])
    assert engine.daemon.is_hosts("net") is True


def test_another_process_tells_nothing(made: Checker) -> None:
    """Such as a systemd that listens for it."""
    host, _ = made.predictor(EngineKind.DOCKER)
    assert of_daemon(host.engine, host.ground, process("systemd")) == (host.engine, host.ground)


def test_nobody_gives_what_it_lacks(made: Checker) -> None:
    host, _ = made.predictor(EngineKind.DOCKER)
    engine = replace(host.engine, daemon=Daemon(CapabilitySet.of(("CAP_CHOWN", "CAP_KILL")).bits))
    assert resulting(Asked(privileged=True), engine).names() == ("CAP_CHOWN", "CAP_KILL")
    assert resulting(Asked(cap_add=("ALL",), cap_drop=("CAP_KILL",)), engine).names() == ("CAP_CHOWN",)
    assert resulting(Asked(cap_drop=("ALL",), cap_add=("CAP_SYS_ADMIN",)), engine).names() == ()


@pytest.mark.parametrize(("hosts", "shared"), [(True, True), (False, False), (None, True)])
def test_the_hosts_network_is_the_engines(made: Checker, hosts: bool | None, shared: bool) -> None:
    host, predictor = made.predictor(EngineKind.DOCKER)
    daemon = Daemon(namespaces=() if hosts is None else (("net", hosts),))
    engine = replace(host.engine, daemon=daemon)
    there = type(predictor)(made.layers, engine, host.ground, host.plain, host.readings)
    place = Position("x", 1)
    state, _ = there.state(Service("it", place, "a", (GivenOption("network", "host", place),)), None)
    facts = next(layer.facts for layer in state.layers if layer.id == "namespaces")
    assert facts is not None
    assert facts.net.shared_with_host is shared
