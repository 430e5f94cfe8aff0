"""What a container wrote over its image: in the way, unless a person says what is to become of it."""

from __future__ import annotations

import pytest

from rig.usecases.host import Host
from stratascope.core.container import Asked, Container, EngineKind, Status
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.transaction import Remedy
from stratascope.usecases.plan.preflight import written_layer
from stratascope.usecases.plan.written_files import is_log, lost_files

BOX = Container("docker", "a" * 64, "web", "nginx", Status.RUNNING, 1, 0.0, 0.0)
SPEC = LaunchSpec("docker", EngineKind.DOCKER, "a" * 64, "web", "nginx", "sha256:1", Asked(), "{}", "{}")
LOGS, ALL = frozenset({Remedy.LEAVE_LOGS}), frozenset(Remedy)


def found(
    *paths: str, remedies: frozenset[Remedy] = frozenset(), owned: bool = False
) -> list[tuple[str, Remedy | None]]:
    changes = tuple(FileChange(path, "added") for path in paths)
    blocks = written_layer(SPEC, BOX, changes, Host(), remedies, owned=owned)
    return [(str(dict(block.text.args)["paths"]), block.remedy) for block in blocks]


@pytest.mark.parametrize(
    ("path", "log"),
    [
        ("/var/log/nginx/access", True),
        ("/srv/app.log", True),
        ("/a/b.log.3.gz", True),
        ("/a/b.log-20260101", True),
        ("/etc/login", False),
        ("/var/logs", False),
        ("/srv/catalog", False),
        ("/x.log/data", False),
    ],
)
def test_what_counts_as_a_log(path: str, log: bool) -> None:
    assert is_log(path) is log


def test_logs_are_left_behind_only_when_told() -> None:
    log, data = "/var/log/a", "/srv/data"
    assert found(log) == [(log, Remedy.COMMIT_LAYER)]
    assert found(log, owned=True) == [(log, Remedy.LEAVE_LOGS)]
    assert found(log, data, owned=True) == [(f"{log}, {data}", Remedy.COMMIT_LAYER)]
    assert found(log, data, remedies=LOGS) == [(log, Remedy.LEAVE_LOGS), (data, Remedy.COMMIT_LAYER)]
    assert found("/run/x", "/etc/app/app.pid", "/srv/app.sock", remedies=ALL) == []
    changes = (FileChange(log, "added"), FileChange(data, "added"))
    assert lost_files(BOX, changes) == f"{log}, {data}"
    assert lost_files(BOX, changes, logs=False) == data
