"""What is offered to allow a refused call lets it pass: where another layer would refuse it next, that goes too.

A container that mounts, hardened with a filter of its own, is refused by the filter; without it the kernel would ask
for a capability that the container has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig

MOUNTS = (
    "mkdir -p /mnt; trap 'exit 0' TERM; "
    "while :; do mount -t tmpfs none /mnt 2>/dev/null && echo mounted; sleep 0.3; done"
)


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def test_what_refuses_next_is_allowed_with_it_and_allowed_is_what_passed(desk: Desk) -> None:
    start(desk, command=("sh", "-c", MOUNTS))
    assert desk.harden("--set", "seccomp=ordinary")[0] == 0
    code, out, err = desk.run("denials", NAME, "--for", "3", "--json")
    assert code == 0, err
    denials = [json.loads(line) for line in out.splitlines()]
    mount = next(each for each in denials if each.get("syscall") == "mount")
    assert mount["layer"] == "seccomp"
    remedy = mount["remedies"][0]
    given = {each["toggle"]: each["value"] for each in (remedy, *remedy["also"])}
    assert given == {"seccomp": "+mount", "capabilities": "+CAP_SYS_ADMIN"}
    assert "It also takes this: Give it SYS_ADMIN" in remedy["text"]
    assert "mounted" not in desk.rig.run("logs", NAME)
    words = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    code, out, err = desk.run("harden", NAME, *words, "--yes", "--watch", "1", "--json")
    last = json.loads(out.splitlines()[-1])
    assert (code, last["outcome"], last["allowed"]) == (0, "works", ["mount"]), out + err
    assert "mounted" in desk.rig.run("logs", NAME)


def test_a_filter_of_ours_lets_through_what_a_capability_is_given_for(desk: Desk) -> None:
    """Chosen together, as where a recommended filter stays on: it was refused before, so it was not seen in use."""
    start(desk, command=("sh", "-c", MOUNTS))
    code, _, err = desk.run("denials", NAME, "--for", "3", "--json")
    assert code == 0, err
    words = ("--set", "seccomp=ordinary", "--set", "capabilities=+SYS_ADMIN")
    code, out, err = desk.run("harden", NAME, *words, "--yes", "--watch", "1", "--json")
    last = json.loads(out.splitlines()[-1])
    assert (code, last["allowed"]) == (1, ["mount"]), out + err
    assert "mounted" in desk.rig.run("logs", NAME)
    assert any("what it calls on request" in text for text in last["not_compared"]), "the filter is another matter"


@pytest.mark.slow
def test_half_of_it_is_not_called_allowed(desk: Desk) -> None:
    """The filter alone: the kernel's own refusal is told, although the original was refused the same call."""
    start(desk, command=("sh", "-c", MOUNTS))
    assert desk.harden("--set", "seccomp=ordinary")[0] == 0
    assert desk.run("denials", NAME, "--for", "3", "--json")[0] == 0
    code, out, err = desk.run("harden", NAME, "--set", "seccomp=+mount", "--yes", "--watch", "1")
    assert code == 1, err
    assert "Not tested" in out
    assert "needs SYS_ADMIN" in out
    assert "Allowed now" not in out
