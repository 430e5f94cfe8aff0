"""Learning by trying: for each layer one threat, tried on a disposable container without that layer, and with it.

`LESSONS` is the data. `teach` is a generator, for the command line and for the window, which calls it in the
background: it yields a `StageOutcome` for each stage. Nothing is left; closing the generator removes the container.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from stratascope import resources
from stratascope.core.container import EngineKind
from stratascope.core.ground import Ground
from stratascope.core.lesson import Lesson, Move, Stage, StageOutcome
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.launch_spec import MAPPED, MAPPED_TO, PlainOptions
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.threat import Outcome
from stratascope.usecases.attempts.attempts import Beacons, Step, tries
from stratascope.usecases.attempts.disposable import running, settled
from stratascope.usecases.engine_access import CopyAccess

RECORDED = "learn/recorded.json"  # written by tests/machine/vm/guest_learn.py and on engines of this kind
MACHINES = {
    "apparmor": msg("recorded with Docker 26.1 on Debian 13, with AppArmor"),
    "selinux": msg("recorded with Docker 26.1 on Debian 13, with SELinux"),
    "podman": msg("recorded with Podman 5.4, run by root"),
}


NO_ENGINE = msg("A lesson needs Docker or Podman, and no engine answers.")


def _two(away: PlainOptions, back: PlainOptions, layer: str) -> tuple[Stage, ...]:
    return Stage(Move.AWAY, away), Stage(Move.BACK, back, layer)


LESSONS = (
    Lesson(
        "namespaces",
        "namespaces",
        msg("Can a container see what else runs on this machine?"),
        msg(
            "A namespace is a view: with a PID namespace of its own, a container has its own list of processes, and "
            "what is not in the list can't be named, signalled or looked into. A view is all it is: namespaces refuse "
            "no system call, so a bug in the kernel is as near as before."
        ),
        "see-host-processes",
        _two(PlainOptions("namespaces", host_processes=True), PlainOptions("namespaces"), "namespaces"),
        msg("Namespaces hide what is not shared. Share none with the host, and don't stop at them."),
    ),
    Lesson(
        "cgroup",
        "cgroup",
        msg("Can one container starve all others?"),
        msg(
            "Control groups count: memory, CPU time, processes. Without a limit, a program that goes wild takes what "
            "the machine has. The attempt starts 600 processes, which end at once."
        ),
        "fork-bomb",
        _two(
            PlainOptions("cgroup", user="1000", processes=-1),
            PlainOptions("cgroup", user="1000", processes=100),
            "cgroup",
        ),
        msg("Control groups limit how much, never what. Set limits for processes, memory and CPU."),
    ),
    Lesson(
        "capabilities",
        "capabilities",
        msg("Why is root in a container not simply root?"),
        msg(
            "Linux splits root's power into some 40 capabilities, and a container gets a few of them. CAP_NET_RAW lets "
            "it build packets by hand, and so pretend to be its neighbours on the network. Docker gives it to every "
            "container, Podman does not."
        ),
        "raw-socket",
        _two(
            PlainOptions("capabilities", add=("NET_RAW",)),
            PlainOptions("capabilities", drop=("NET_RAW",)),
            "capabilities",
        ),
        msg("What your program does not use is of use to an intruder only: drop all capabilities, add what it needs."),
    ),
    Lesson(
        "seccomp",
        "seccomp",
        msg("Why not let a program make every system call?"),
        msg(
            "All containers share one kernel, and each of its some 400 system calls is a door to it. A seccomp filter "
            "closes those that hardly anybody needs, before the kernel's own code runs. The attempt puts a key into "
            "the kernel's keyring, where bugs have made programs root more than once."
        ),
        "add-key",
        _two(PlainOptions("seccomp", unconfined=True), PlainOptions("seccomp"), "seccomp"),
        msg("A call that is filtered out can't be attacked. Keep the filter, and block what your program never calls."),
    ),
    Lesson(
        "mac",
        "mac",
        msg("What is left to say no when root may do it?"),
        msg(
            "AppArmor and SELinux judge by rules of the machine, whoever asks, root too. Here the container holds "
            "CAP_SYS_ADMIN, with which it may mount file systems, and the filter lets it."
        ),
        "mount-file-system",
        _two(PlainOptions("mac", add=("SYS_ADMIN",), unlabelled=True), PlainOptions("mac", add=("SYS_ADMIN",)), "mac"),
        msg("AppArmor and SELinux still refuse what a capability too many allows. Never switch them off."),
    ),
    Lesson(
        "usermap",
        "usermap",
        msg("Is root in the container root of this machine?"),
        msg(
            "Without a user namespace it is: the same user 0, held back by the other layers alone. With one, root in "
            "there is an ordinary user out here, and its capabilities count only for what is its own. The attempt asks "
            "for a change of the machine's clock that the kernel would not make."
        ),
        "set-clock",
        _two(
            PlainOptions("usermap", add=("SYS_TIME",)),
            PlainOptions("usermap", add=("SYS_TIME",), mapped=True),
            "usermap",
        ),
        msg("Run your engine rootless, or map users: then breaking out makes nobody root."),
    ),
    Lesson(
        "depth",
        "",
        msg("What if a layer fails?"),
        msg(
            "Layers fail: by a bug, or by an option that someone sets. What two of them stop, one still stops. The "
            "attempt asks to switch off swap on a file that does not exist: CAP_SYS_ADMIN may, and no container's "
            "filter lets the call through."
        ),
        "swap-off",
        (
            Stage(Move.AWAY, PlainOptions("depth", add=("SYS_ADMIN",), unconfined=True)),
            Stage(Move.BACK, PlainOptions("depth", add=("SYS_ADMIN",)), "seccomp"),
            Stage(Move.BACK, PlainOptions("depth", unconfined=True), "capabilities"),
        ),
        msg("Never rely on one layer: keep two that stop the same, and one may fail."),
    ),
)


def lesson(name: str) -> Lesson | None:
    """The lesson with that id."""
    return next((each for each in LESSONS if each.id == name), None)


def words(options: PlainOptions, *, selinux: bool = False) -> tuple[str, ...]:
    """Pure: the options of a run command that are not the engine's default."""
    found = [
        *(("--user", options.user) if options.user else ()),
        *(("--pid", "host") if options.host_processes else ()),
        *(("--pids-limit", str(options.processes)) if options.processes else ()),
        *(word for name in options.add for word in ("--cap-add", name)),
        *(word for name in options.drop for word in ("--cap-drop", name)),
        *(("--security-opt", "seccomp=unconfined") if options.unconfined else ()),
    ]
    if options.unlabelled:
        found += ("--security-opt", "label=disable" if selinux else "apparmor=unconfined")
    if options.mapped:
        found += ("--uidmap", f"0:{MAPPED_TO}:{MAPPED}")
    return tuple(found)


def words_of(made: StageOutcome, ground: Ground) -> tuple[str, ...]:
    """The same for a stage that was tried on this machine, or recorded on another."""
    selinux = bool(ground.selinux) if made.recorded is None else made.recorded == MACHINES["selinux"]
    return words(made.stage.options, selinux=selinux)


def not_here(access: CopyAccess, taught: Lesson) -> Message | None:
    """Why a lesson can't be tried on this engine; None: it can. Then what was recorded elsewhere is shown."""
    engine, ground = access.engine, access.ground
    if taught.id == "mac" and not ground.apparmor and ground.selinux != "enforcing":
        return msg("The kernel of this machine runs neither AppArmor nor SELinux.")
    if taught.id == "mac" and ground.apparmor and engine.rootless:
        return msg("AppArmor does not confine containers of a rootless engine.")
    if taught.id == "cgroup" and engine.rootless and ground.cgroup_layout != "v2":
        return msg("This engine runs without root, and can't set limits with control groups of version 1.")
    if taught.id in ("usermap", "depth") and engine.rootless:
        return msg("This engine runs without root: that can't be taken away, and stops it whatever else is.")
    if taught.id == "usermap" and engine.kind is EngineKind.DOCKER:
        return msg("Docker maps users for all containers at once, by userns-remap in its settings, or runs rootless.")
    return None


def engine_for(accesses: Sequence[CopyAccess], taught: Lesson) -> CopyAccess | None:
    """The first of these engines that can show that lesson, else the first of all."""
    able = (each for each in accesses if not_here(each, taught) is None)
    return next(able, accesses[0] if accesses else None)


def teach(
    access: CopyAccess,
    taught: Lesson,
    program: bytes,
    beacons: Beacons,
    cancelled: Callable[[], bool] = lambda: False,
    stages: tuple[Stage, ...] = (),
) -> Iterator[Step | StageOutcome]:
    """Try these stages of a lesson, all if there are none. Raises what `tries` and `running` raise."""
    for stage in stages or taught.stages:
        yield Step(msg("Starting a container that is thrown away"))
        with running(access, program, stage.options) as container:
            state = settled(access, container)
            for event in tries(access, state, program, (taught.threat,), beacons, cancelled):
                yield event if isinstance(event, Step) else StageOutcome(stage, event)


@cache
def recorded(name: str) -> tuple[StageOutcome, ...]:
    """What came of a lesson's stages on other machines: for each machine all stages, in order."""
    found = []
    taught = lesson(name)
    for entry in json.loads(resources.read_text(RECORDED)):
        if taught is not None and entry["lesson"] == name:
            for stage, made in zip(taught.stages, entry["stages"], strict=True):
                outcome = AttemptOutcome(
                    made["threat"], Outcome(made["predicted"]), Tried(made["tried"]), made["layer"], made["call"],
                    made["errno"], made["step"], made["seconds"],
                )  # fmt: skip
                found.append(StageOutcome(stage, outcome, MACHINES[entry["machine"]]))
    return tuple(found)
