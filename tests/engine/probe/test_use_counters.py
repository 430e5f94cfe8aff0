"""What control groups of this machine have used, against what the kernel says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.history.entry import Counted
from stratascope.probe.control_groups import UseCounters

NOWHERE = "0::/no/such/group\n4:memory:/no/such/group\n"


@pytest.mark.parametrize("groups", ["", "nonsense", "0::/\n", "4:memory:/\n", NOWHERE, "0::/../../x\n", "0::/a\0b\n"])
def test_what_can_not_be_read_is_not_told(groups: str) -> None:
    """Nor is the whole machine's use taken for a container's."""
    assert UseCounters().read(groups) == Counted()


def test_a_container(docker_rootful: Rig) -> None:
    counters = UseCounters()
    with docker_rootful.container(command=("sh", "-c", "while :; do :; done")) as container:
        groups = Path(f"/proc/{docker_rootful.pid(container)}/cgroup").read_text()
        one = counters.read(groups)
        while (two := counters.read(groups)).cpu == one.cpu:
            pass
        assert one.cpu is not None
        assert two.cpu is not None
        assert two.cpu > one.cpu
        assert two.pids == 1
        assert two.memory is not None
        assert 0 < two.memory < 64 << 20
        assert two.io is not None
        assert counters.processes(docker_rootful.inspect(container)["Id"], groups) == frozenset(
            (docker_rootful.pid(container),)
        )
    assert counters.read(groups) == Counted()  # it is gone
