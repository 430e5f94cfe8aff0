"""The fleet of machine/truth: containers of all sorts, started once on each real engine, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from machine.truth.fleet import Fleet, options, report
from rig.engine import Rig


@pytest.fixture(scope="module")
def fleet(any_engine: Rig) -> Iterator[Fleet]:
    """All configurations on one engine."""
    rig = any_engine
    with ExitStack() as stack:
        if rig.kind == "podman":
            # the pod's own first process, which holds its namespaces, is of our image: no registry is asked
            infra = ("--infra-image", "busybox:latest", "--infra-command", "sleep 3600")
            rig.run("pod", "create", *infra, "--name", "stack")
            stack.callback(rig.run, "pod", "rm", "-f", "-t", "0", "stack", check=False)
        ids = {name: stack.enter_context(rig.container(*words, name=name)) for name, words in options(rig).items()}
        found = Fleet(rig, ids, {name: item for name, item in report(rig).items() if name in ids})
        found.pids = {name: rig.pid(name) for name in ids}
        yield found
