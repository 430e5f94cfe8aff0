"""`harden` on containers that could take over the machine: what was granted is taken back, and what is predicted is
what comes of it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.engine import Rig
from rig.image import add, write_image
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Outcome
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected

DANGEROUS = ("SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_MODULE")
# What it is started with, and what of it has to be taken back: toggles with their values
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "privileged": (("--privileged",), ("privileged=off",)),
    "privileged, as a user": (("--privileged", "--user", "1000"), ("privileged=off",)),
    "privileged, as a user without su": (("--privileged", "--user", "1000"), ()),  # who can't become root again
    "one capability": (("--cap-add", "SYS_ADMIN"), ("drop=CAP_SYS_ADMIN",)),
    "several capabilities": (
        tuple(word for name in DANGEROUS for word in ("--cap-add", name)),
        ("drop=CAP_DAC_READ_SEARCH", "drop=CAP_SYS_ADMIN"),  # what else opens something depends on this machine
    ),
    "all capabilities": (("--cap-add", "ALL"), ("drop=CAP_SYS_ADMIN", "drop=CAP_SYS_MODULE")),
    "another user's capabilities": (
        ("--user", "1000", *(word for name in DANGEROUS[:2] for word in ("--cap-add", name))),
        ("drop=CAP_SYS_ADMIN",),
    ),
    "the engine's socket": (("-v", "SOCKET:/run/docker.sock"), ("engine-socket=remove",)),
    "a folder with the socket": (("-v", "SOCKETS:/engine"), ("unmount=/engine",)),
    "the host's root directory": (("-v", "/:/host"), ("unmount=/host",)),
    "it at a path with a comma": (("-v", "/:/a,b"), ("unmount=/a%2Cb",)),
    "a folder of the host": (("-v", "/etc:/host/etc"), ("host-paths=/host/etc",)),
    "debugging the host's processes": (
        ("--cap-add", "SYS_PTRACE", "--pid", "host"),
        ("drop=CAP_SYS_PTRACE", "pid=private"),
    ),
    "the host's namespaces": (("--pid", "host", "--network", "host", "--ipc", "host"), ("pid=private",)),
    "a disk": (("--device", "/dev/loop0"), ("devices=remove",)),
    "a folder that holds the socket, and all processes": (
        ("-v", "SOCKETS:/engine", "--pid", "host", "--privileged"),
        ("unmount=/engine", "pid=private", "privileged=off"),
    ),
}
# A set-uid program in its image: one that is known to check who asks, and one that does what it is told
GIVING = {
    "privileged, as a user": ("usr/bin/su", Path("/usr/bin/su")),
    "another user's capabilities": ("usr/bin/tool", Path("/bin/busybox")),
}
ROOTS = ("be-host-root", "hold-root-powers")  # of a root that no plan makes another user by guess
RELAUNCHED = (
    "privileged, as a user",
    "a folder with the socket",
    "it at a path with a comma",
    "debugging the host's processes",
    "all capabilities",
)


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(any_engine, tmp_path)
    yield found
    for name in found.all():
        any_engine.remove(name)
    for name, _ in GIVING.values():
        any_engine.run("rmi", "-f", image_with(name), check=False)


ENGINES = ("docker_rootful", "podman_rootful")
on_both = pytest.mark.parametrize("any_engine", ENGINES, indirect=True)


def options_of(rig: Rig, kind: str) -> tuple[str, ...]:
    options = KINDS[kind][0]
    for key, word in {"SOCKETS:": f"{rig.socket.parent}:", "SOCKET:": f"{rig.socket}:"}.items():
        options = tuple(option.replace(key, word) if option.startswith(key) else option for option in options)
    return options


def image_with(program: str) -> str:
    return f"giving-{Path(program).name}:latest"


def started(desk: Desk, folder: Path, kind: str) -> str:
    """A container of that kind; its id."""
    if kind not in GIVING:
        return start(desk, *options_of(desk.rig, kind))
    name, source = GIVING[kind]
    write_image(archive := folder / "giving.tar")
    with tarfile.open(archive, "a") as root:
        add(root, name, source.read_bytes(), 0o4755)
    desk.rig.run("import", str(archive), image_with(name))
    return start(desk, *options_of(desk.rig, kind), image=image_with(name))


def cases(*quick: tuple[str, str], of: Iterable[str]) -> list[Any]:
    """A kind of container and an engine; those that are not quick are left to `make test-all`."""
    return [
        pytest.param(kind, engine, marks=() if (kind, engine) in quick else pytest.mark.slow)
        for kind in of
        for engine in ENGINES
    ]


@pytest.mark.parametrize(
    ("kind", "any_engine"),
    cases(
        *((kind, "docker_rootful") for kind in KINDS),
        ("privileged", "podman_rootful"),
        ("all capabilities", "podman_rootful"),
        ("the host's root directory", "podman_rootful"),
        of=KINDS,
    ),
    indirect=["any_engine"],
)
def test_what_was_granted_is_taken_back(desk: Desk, tmp_path: Path, kind: str) -> None:
    rig = desk.rig
    original = started(desk, tmp_path, kind)
    with open_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}) as engines:
        found = connected(engines)
        access = found.accesses[0]
        state = access.read(original)
        assert state is not None
        assert state.matrix is not None
        hardening = found.hardening
        plan, chosen = hardening.suggested(state), hardening.preset(state, Preset.CRITICAL)
        wanted = set(KINDS[kind][1])
        assert wanted <= {str(piece) for each in chosen for piece in each.pieces}
        assert [each.threat.id for each in plan.left if each.threat.id not in ROOTS] == []
        after = hardening.preview(state, chosen).after
        serious = [each for each in after.threats if each.threat.severity in SERIOUS and each.threat.id not in ROOTS]
        assert [each.threat.id for each in serious if each.outcome is not Outcome.STOPPED] == []
        assert not [each.threat.id for each in after.threats if each.held and each.threat.severity is Severity.CRITICAL]
        for preset in Preset:
            ids = {str(each) for each in hardening.preset(state, preset)}
            assert {each for each in wanted if not each.startswith("drop=")} <= ids, preset
            preview = hardening.preview(state, hardening.preset(state, preset))
            assert not preview.after.open(Severity.CRITICAL)
            assert not preview.in_vain


@pytest.mark.parametrize("preset", ["critical", "recommended"])
@pytest.mark.parametrize(
    ("kind", "any_engine"),
    cases(
        ("privileged, as a user", "docker_rootful"),
        ("a folder with the socket", "podman_rootful"),
        of=RELAUNCHED,
    ),
    indirect=["any_engine"],
)
def test_what_is_predicted_is_what_comes_of_it(desk: Desk, tmp_path: Path, kind: str, preset: str) -> None:
    started(desk, tmp_path, kind)
    code, last, err = desk.harden("--preset", preset)
    assert (code, last["enforced"]) == (0, True), (last, err)
    assert last["after"]["exposure"] == last["predicted"]["exposure"]
    assert last["after"]["threats"] == last["predicted"]["threats"]
    critical = {threat.id for threat in all_threats() if threat.severity is Severity.CRITICAL}
    assert all(last["after"]["threats"][name]["outcome"] == "stopped" for name in critical)


@on_both
def test_what_is_in_use_stays_and_that_is_said(desk: Desk) -> None:
    """Its environment names the socket, its command the folder."""
    rig = desk.rig
    options = ("-v", f"{rig.socket}:/run/engine.sock", "-e", "DOCKER_HOST=unix:///run/engine.sock", "-v", "/:/host")
    start(desk, *options, command=("sh", "-c", "ls /host/etc >/dev/null; trap 'exit 0' TERM; sleep 3600 & wait"))
    code, last, _ = desk.harden("--dry-run", "--preset", "recommended")
    assert code == 0
    for offer in last["offers"]:
        if offer["preset"] != "strict":
            assert {"unmount", "engine-socket"}.isdisjoint(each["id"] for each in offer["toggles"]), offer["preset"]
    said = " ".join(last["shortfalls"])
    assert "Remove /host. Its command or its environment names /host." in said
    assert "Remove /run/engine.sock. Its command or its environment names /run/engine.sock." in said
    assert "doesn't lower the risk" in said


@on_both
def test_the_dry_run_offers_the_plan_first_and_says_what_stays_open(desk: Desk) -> None:
    start(desk, "--privileged", command=("sh", "-c", "trap 'exit 0' TERM; mknod /dev/sda9 b 8 9; sleep 3600 & wait"))
    code, last, _ = desk.harden("--dry-run", "--set", "memory=64m")
    assert code == 0
    assert {each["preset"] for each in last["offers"]} == {preset.value for preset in Preset}
    plan = last["offers"][0]
    assert plan["preset"] == "recommended"
    assert plan["exposure"] == last["exposure"]["then"] < last["predicted"]["exposure"]
    code, out, _ = desk.run("harden", NAME, "--dry-run", "--set", "memory=64m")
    assert f"The plan would bring it to {plan['exposure']:.1f}" in out
    _, last, _ = desk.harden("--dry-run", "--preset", "recommended")
    assert "It could still take over this machine." in last["shortfalls"], "the disk that its command names stays"
    _, out, _ = desk.run("harden", NAME, "--dry-run", "--preset", "pss-restricted")
    assert "It does not match the standard yet" in out
    assert "It still starts as root" in out


@on_both
def test_the_plan_is_what_the_recommended_preset_carries_out(desk: Desk) -> None:
    start(desk, "--privileged", command=("sh", "-c", "trap 'exit 0' TERM; : /dev/fuse; sleep 3600 & wait"))
    code, out, _ = desk.run("plan", NAME, "--json")
    assert code == 0
    plan = json.loads(out)
    code, last, _ = desk.harden("--dry-run", "--preset", "recommended")
    assert code == 0
    assert plan["exposure"]["then"] == last["predicted"]["exposure"] == last["exposure"]["then"]
    assert plan["plan"] == last["plan"]
    left = next(each for each in plan["plan"] if each["id"] == "privileged")
    assert left["on"]
    assert left["along"] == [{"id": "devices", "value": "+/dev/fuse"}]
    assert left["evidence"]["word"] == "used"
    code, out, _ = desk.run("plan", NAME)
    assert code == 0
    assert "Take back" in out
    assert "[x] Remove --privileged" in out
    code, last, _ = desk.harden("--preset", "recommended", "--enforced-is-enough")
    assert code == 0
    before, after = last["predicted"]["threats"], last["after"]["threats"]
    assert [(name, before[name], after[name]) for name in after if before[name] != after[name]] == []
    assert last["after"]["exposure"] == plan["exposure"]["then"], "what was planned is what came of it"
