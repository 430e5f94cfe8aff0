"""Each fact of the report about a container of today's engines against what the tests read themselves (`truth`).

Without limits and the host's PIDs, which a Podman without control groups of its own refuses.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from machine.truth import own_reading
from machine.truth.fleet import TIGHT, report
from rig.engine import Rig

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.today]
MODES = {"0": "disabled", "1": "strict", "2": "filter"}
OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "tight": TIGHT,
    "privileged": ("--privileged",),
    "host": ("--network", "host", "--uts", "host"),
    "sysadmin": ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"),
}


def told(container: dict[str, Any]) -> dict[str, Any]:
    """What the report says of one container."""
    facts = {name: layer["facts"] for name, layer in container["layers"].items()}
    namespaces, capabilities, users = facts["namespaces"], facts["capabilities"], facts["usermap"]
    return {
        "pid": container["pid"],
        "namespaces": {kind: namespaces[kind]["inode"] for kind in own_reading.KINDS},
        "shared": {kind for kind in own_reading.KINDS if namespaces[kind]["shared_with_host"]},
        "read-only root": namespaces["root_read_only"],
        "masked": set(namespaces["mounts"]["masked"]),
        "read-only": set(namespaces["mounts"]["read_only"]),
        "capabilities": {name: capabilities[name] for name in own_reading.capabilities(container["pid"])},
        "no_new_privs": capabilities["no_new_privs"],
        "mode": facts["seccomp"]["mode"],
        "filters": facts["seccomp"]["filters"],
        "uid_map": users["uid_map"],
        "gid_map": users["gid_map"],
        "root outside": users["root_is_host_uid"],
        "group": facts["cgroup"]["path"],
    }


def true(pid: int) -> dict[str, Any]:
    """The same, read here."""
    own, host, status = own_reading.namespaces(pid), own_reading.host_namespaces(), own_reading.status(pid)
    masked, guarded = own_reading.masked_and_read_only(pid)
    uids = own_reading.id_map(pid, "uid")
    return {
        "pid": pid,
        "namespaces": own,
        "shared": {kind for kind in own if own[kind] == host[kind]},
        "read-only root": own_reading.read_only(pid, "/"),
        "masked": masked,
        "read-only": guarded,
        "capabilities": own_reading.capabilities(pid),
        "no_new_privs": status["NoNewPrivs"] == "1",
        "mode": MODES[status["Seccomp"]],
        "filters": int(status["Seccomp_filters"]),
        "uid_map": uids,
        "gid_map": own_reading.id_map(pid, "gid"),
        "root outside": own_reading.on_host(uids, 0),
        "group": own_reading.cgroup(pid)["path"],
    }


def test_every_fact(newer: Rig) -> None:
    with ExitStack() as stack:
        ids = {name: stack.enter_context(newer.container(*words, name=name)) for name, words in OPTIONS.items()}
        found = report(newer)
        for name, number in ids.items():
            pid = newer.pid(number)
            said, real = told(found[name]), true(pid)
            assert (name, {key: said[key] for key in real if said[key] != real[key]}) == (name, {}), real
