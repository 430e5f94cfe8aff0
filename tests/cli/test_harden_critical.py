"""`harden --preset critical` on containers that could take over the machine: what is predicted is what comes of it.

And no smaller set would do: all of them are predicted, on what was read of the real container.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.hardened import NAME, Desk, start
from rig.engine import Rig
from stratascope.core.relaunch.toggle import Preset
from stratascope.usecases.plan.offers import SERIOUS
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected
from usecases.plan.smaller_sets import opened, pieces_of, reached, still_open

DANGEROUS = ("SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_MODULE")
KINDS: dict[str, tuple[str, ...]] = {
    "privileged": ("--privileged",),
    "one capability": ("--cap-add", "SYS_ADMIN"),
    "several capabilities": tuple(word for name in DANGEROUS for word in ("--cap-add", name)),
    "as another user already": ("--user", "1000", *(word for name in DANGEROUS[:2] for word in ("--cap-add", name))),
    "the engine's socket": ("-v", "SOCKET:/run/docker.sock"),
    "a folder of the host": ("-v", "/etc:/host/etc"),
    "the host's processes and network": ("--pid", "host", "--network", "host"),
    "a folder that holds the socket, and all processes": ("-v", "SOCKETS:/engine", "--pid", "host", "--privileged"),
}
MOST = 2  # of a set that all are tried of: one more would be 40,000


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(any_engine, tmp_path)
    yield found
    for name in found.all():
        any_engine.remove(name)


on_both = pytest.mark.parametrize("any_engine", ["docker_rootful", "podman_rootful"], indirect=True)


@on_both
@pytest.mark.parametrize("kind", KINDS)
def test_it_reaches_what_is_predicted_and_no_smaller_set_does(desk: Desk, kind: str) -> None:
    rig = desk.rig
    words = {"SOCKETS:": f"{rig.socket.parent}:", "SOCKET:": f"{rig.socket}:"}
    options = KINDS[kind]
    for key, word in words.items():
        options = tuple(option.replace(key, word) if option.startswith(key) else option for option in options)
    original = start(desk, *options)
    with open_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}) as engines:
        found = connected(engines)
        state = found.accesses[0].read(original)
        assert state is not None
        assert state.matrix is not None
        offer = found.hardening.offer(state)
        chosen = offer.of(Preset.CRITICAL)
        left = {threat.id for threat in offer.left}
        after = found.hardening.preview(state, chosen).after
        assert still_open(state.matrix, after) == left
        if 0 < pieces_of(chosen) <= MOST + 1:
            for smaller, still in reached(found.hardening, state, pieces_of(chosen) - 1):
                assert not still <= left, smaller
    if not chosen:  # Docker gives another user none of the capabilities, Podman does
        assert kind == "as another user already"
        assert not opened(state.matrix)
        return
    code, last, err = desk.harden("--preset", "critical")
    assert (code, last["enforced"]) == (0, True), (last, err)
    assert {each["id"]: each["value"] for each in last["toggles"]} == {each.toggle: each.value for each in chosen}
    assert last["after"]["exposure"] == last["predicted"]["exposure"] == after.exposure.worst
    open_then = {name for name, each in last["after"]["threats"].items() if each["outcome"] != "stopped"}
    assert opened(state.matrix) & open_then == left


@on_both
def test_the_dry_run_offers_it_first_and_says_what_changes_nothing(desk: Desk) -> None:
    start(desk, "--privileged")
    code, last, _ = desk.harden("--dry-run", "--preset", "recommended")
    assert code == 0
    assert [each["preset"] for each in last["offers"]] == [preset.value for preset in Preset]
    smallest = last["offers"][0]
    assert smallest["open"] == {severity.value: 0 for severity in SERIOUS}
    assert smallest["exposure"] < last["predicted"]["exposure"]
    assert any("changes nothing that matters" in each for each in last["shortfalls"])
    code, out, _ = desk.run("harden", NAME, "--dry-run", "--preset", "recommended")
    assert "changes nothing that matters" in out
    assert f"--preset critical would bring it to {smallest['exposure']:.1f}" in out
    _, out, _ = desk.run("harden", NAME, "--dry-run", "--preset", "restricted")
    assert "not yet what the Pod Security Standards call Restricted" in out
    assert "It still starts as root" in out
