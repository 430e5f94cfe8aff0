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
            "A namespace gives programs a view of their own: in its own PID namespace, a container sees its own "
            "processes only, and can't signal or look into any other. The attempt reads the name of a process of this "
            "machine. A view is all it is: a bug in the kernel is as near as before."
        ),
        "see-host-processes",
        _two(PlainOptions("namespaces", host_processes=True), PlainOptions("namespaces"), "namespaces"),
        msg("Namespaces hide what is not shared. Share none with the host, and don't rely on them alone."),
    ),
    Lesson(
        "cgroup",
        "cgroup",
        msg("Can one container starve all others?"),
        msg(
            "Control groups count what a container uses: memory, CPU time, processes. Without a limit, a program that "
            "goes wild takes all that the machine has. The attempt starts 600 processes, which end at once; the limit "
            "that is put back is 100."
        ),
        "fork-bomb",
        _two(
            PlainOptions("cgroup", user="1000", processes=-1),
            PlainOptions("cgroup", user="1000", processes=100),
            "cgroup",
        ),
        msg(
            "Control groups limit how much is used, and which devices; nothing else. Set limits for memory, CPU, "
            "processes."
        ),
    ),
    Lesson(
        "capabilities",
        "capabilities",
        msg("Why is root in a container not simply root?"),
        msg(
            "Linux splits root's power into some 40 capabilities, and a container gets a few of them. CAP_NET_RAW lets "
            "it build network packets by hand, and so pretend to be another container on its network. By default, "
            "Docker gives it to every container, and Podman to none."
        ),
        "raw-socket",
        _two(
            PlainOptions("capabilities", add=("NET_RAW",)),
            PlainOptions("capabilities", drop=("NET_RAW",)),
            "capabilities",
        ),
        msg("What your program does not use helps only an intruder: drop all capabilities, add what it needs."),
    ),
    Lesson(
        "seccomp",
        "seccomp",
        msg("Why not let a program make every system call?"),
        msg(
            "All containers share one kernel, and each of its more than 300 system calls is a door to it. A seccomp "
            "filter closes those that hardly any program needs, before the code behind them runs. The attempt puts a "
            "key into the kernel's keyring, whose bugs have let programs become root more than once."
        ),
        "add-key",
        _two(PlainOptions("seccomp", unconfined=True), PlainOptions("seccomp"), "seccomp"),
        msg("A call that is filtered out can't be attacked. Keep the filter, and block what your program never calls."),
    ),
    Lesson(
        "mac",
        "mac",
        msg("What still says no when root may do everything?"),
        msg(
            "AppArmor and SELinux check each access by the rules of the machine, root's too. Here the container holds "
            "CAP_SYS_ADMIN, with which root may mount file systems, and for which the engine's seccomp filter lets the "
            "call through. The attempt mounts one."
        ),
        "mount-file-system",
        _two(PlainOptions("mac", add=("SYS_ADMIN",), unlabelled=True), PlainOptions("mac", add=("SYS_ADMIN",)), "mac"),
        msg("AppArmor and SELinux still refuse what one capability too many would allow. Never switch them off."),
    ),
    Lesson(
        "usermap",
        "usermap",
        msg("Is root in the container root of this machine?"),
        msg(
            "Without a user namespace it is: the same user 0, held back by the other layers alone. With one, root in "
            "there is an ordinary user out here, and its capabilities count only inside; the clock belongs to the "
            "whole machine. The attempt sets the clock's speed to what it already is."
        ),
        "set-clock",
        _two(
            PlainOptions("usermap", add=("SYS_TIME",)),
            PlainOptions("usermap", add=("SYS_TIME",), mapped=True),
            "usermap",
        ),
        msg("Run your engine rootless, or map users: then whoever breaks out is not root."),
    ),
    Lesson(
        "depth",
        "",
        msg("What if a layer fails?"),
        msg(
            "Layers fail: by a bug, or by an option that someone sets. Of two that stop the same, one is then left. "
            "The attempt asks to switch off swap on a file that does not exist: that takes CAP_SYS_ADMIN, and a call "
            "that the engine's seccomp filter blocks. Each is put back alone."
        ),
        "swap-off",
        (
            Stage(Move.AWAY, PlainOptions("depth", add=("SYS_ADMIN",), unconfined=True)),
            Stage(Move.BACK, PlainOptions("depth", add=("SYS_ADMIN",)), "seccomp"),
            Stage(Move.BACK, PlainOptions("depth", unconfined=True), "capabilities"),
        ),
        msg("Never rely on one layer: where two stop the same, one may fail."),
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
            beside = access.beside_all()
            state = settled(beside, container)
            for event in tries(beside, state, program, (taught.threat,), beacons, cancelled):
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
