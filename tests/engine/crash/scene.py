"""Containers whose relaunch is killed, and what is left of them: the set-up, the deaths and the look afterwards.

Many deaths share one journal and one `recover`, as after a crash of the machine; that also saves most of the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rig.engine import Rig
from rig.places import APP
from stratascope.core.relaunch.launch_spec import claim, guard
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction
from stratascope.state.journal import FileJournal

HERE = Path(__file__).resolve().parent
QUICK = "trap 'exit 0' TERM; sleep 3600 & wait"
LINGERING = "trap 'sleep 2; exit 0' TERM; sleep 3600 & wait"  # a stop of it is under way for a while

# All engine calls and journal writes of a relaunch, in their order
HARDEN = (
    "running", "write intent", "create", "running", "running", "named", "write created", "write held", "restart_policy",
    "running", "write stopping", "stop", "changes", "write stopped", "rename", "rename", "write renamed", "start",
    "write started", "running", "running", "running", "write verified", "running", "running", "restart_policy",
    "rename", "write done",
)  # fmt: skip
UNDO = (
    "running", "running", "plan", "running", "running", "running", "write intent", "running", "rename", "running",
    "named", "write held", "restart_policy", "write stopping", "stop", "write stopped", "rename", "rename",
    "write renamed", "restart_policy", "start", "write started", "running", "running", "write verified", "running",
    "running", "restart_policy", "rename", "forget", "write done",
)  # fmt: skip
# What a trial changes, in its order
TRIAL = (
    "write twin", "overlay", "create", "start", "stop", "start", "stop", "remove", "remove_overlays", "forget twin",
)  # fmt: skip
# The same of one that had ended, and is started with what it lacked
REPAIR = (
    "running", "write intent", "create", "running", "running", "named", "write created", "write held", "write stopping",
    "stop", "changes", "write stopped", "rename", "rename", "write renamed", "start", "write started", "running",
    "running", "running", "running", "write verified", "running", "running", "rename", "write done",
)  # fmt: skip
BACK = (
    "running", "running", "plan", "running", "running", "running", "write intent", "running", "rename", "running",
    "named", "write held", "write stopping", "stop", "write stopped", "rename", "rename", "write renamed",
    "restart_policy", "write started", "write verified", "running", "running", "rename", "forget", "write done",
)  # fmt: skip
# The same of one whose data gets a volume, and its way back to the settings before
FILL = (
    "running", "write intent", "make_volume", "create", "running", "running", "named", "write created", "write held",
    "restart_policy", "running", "write stopping", "stop", "changes", "commit", "create", "initialize", "remove",
    "remove_image", "contents", "contents", "write stopped", "rename", "rename", "write renamed", "start",
    "write started", "running", "running", "running", "write verified", "running", "running", "restart_policy",
    "rename", "write done",
)  # fmt: skip
UNFILL = (
    "running", "running", "plan", "plan", "running", "plan", "plan", "plan", "running", "running", "write intent",
    "create", "running", "running", "named", "write created", "write held", "restart_policy", "running",
    "write stopping", "stop", "write stopped", "rename", "rename", "write renamed", "start", "write started", "running",
    "running", "write verified", "running", "running", "restart_policy", "rename", "forget", "write done",
)  # fmt: skip
ENDED = ("repair", "back")
FILLED = ("fill", "unfill")
POINTS = {
    "harden": HARDEN, "undo": UNDO, "trial": TRIAL, "repair": REPAIR, "back": BACK, "fill": FILL, "unfill": UNFILL,
}  # fmt: skip
CHANGING = frozenset(("create", "restart_policy", "stop", "rename", "start", "overlay", "remove", "remove_overlays"))


@dataclass(frozen=True, slots=True)
class Point:
    """Where a relaunch dies: `at` a write (before it) or call (after it), or `in` a call, under way."""

    verb: str
    how: str
    number: int

    @property
    def name(self) -> str:
        what = POINTS[self.verb][self.number]
        when = "in" if self.how == "in" else "before" if _is_write(what) else "after"
        return f"{self.verb} {self.number:2} {when} {what}"

    @property
    def container(self) -> str:
        return f"crash-{self.verb}-{self.how}-{self.number}"

    @property
    def goes_on(self) -> bool:
        """Whether the relaunch is finished afterwards, instead of undone."""
        passed = POINTS[self.verb][: self.number + (0 if _is_write(POINTS[self.verb][self.number]) else 1)]
        return "write verified" in passed


def points(verb: str) -> tuple[Point, ...]:
    """All of them."""
    numbers = range(len(POINTS[verb]))
    inside = [number for number in numbers if POINTS[verb][number] in CHANGING]
    return (*(Point(verb, "at", number) for number in numbers), *(Point(verb, "in", number) for number in inside))


class Scene:
    """One engine and one journal."""

    def __init__(self, rig: Rig, state: Path) -> None:
        self.rig = rig
        self.journal = FileJournal(state / "stratascope" / "relaunches")
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(APP),
            "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
            "XDG_STATE_HOME": str(state),
        }
        self.originals: dict[str, str] = {}

    def start_ended(self, name: str) -> None:
        """One that ends at once, since its root is read-only; without that it runs."""
        command = f"mkdir -p /made || exit 3; {QUICK}"
        made = self.rig.run("run", "-d", "--read-only", "--name", name, "busybox", "sh", "-c", command)
        self.originals[name] = made.splitlines()[-1]
        self.rig.run("wait", name)

    def start(self, name: str, command: str = QUICK, restart: str = "always") -> str:
        """A container with data in a named and an anonymous volume."""
        volumes = ("-v", f"{name}:/named", "-v", "/anonymous")
        options = ("-d", "--restart", restart, "--name", name, *volumes)
        made = self.rig.run("run", *options, "busybox", "sh", "-c", command)
        self.originals[name] = made.splitlines()[-1]
        for file in self.data(name):
            file.write_text("kept")
        return self.originals[name]

    def keep(self, name: str) -> None:
        """Data outside its volumes. By exec: root is no user of the file system of a rootless engine's container."""
        self.rig.run("exec", name, "mkdir", "-p", "/var/lib/kept")
        self.rig.run("exec", name, "sh", "-c", "cd /var/lib/kept && printf kept | tee mark >more")
        assert self.kept(name).read_text() == "kept"

    def kept(self, name: str) -> Path:
        """Some of that data, as its process sees it."""
        return Path(f"/proc/{self.rig.pid(name)}/root/var/lib/kept/mark")

    def dying(self, point: Point) -> subprocess.Popen[str]:
        """Its relaunch, begun."""
        words = (point.how, str(point.number), point.verb, point.container)
        return self.python(str(HERE / "dying.py"), *words)

    def python(self, *words: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """`before`: a command to run it with."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            (*before, sys.executable, *words), env=self.environ, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def stratascope(self, *words: str) -> tuple[int, str, str]:
        """The command line; its exit code and what it printed."""
        child = self.python("-m", "stratascope", *words)
        out, err = child.communicate()
        return child.returncode, out, err

    def kill(self, chosen: tuple[Point, ...]) -> None:
        """Containers, and a relaunch of each that dies."""

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(self.kill_one, chosen))

    def kill_one(self, point: Point) -> None:
        """One of them."""
        if point.verb in ENDED:
            self.start_ended(point.container)
        else:
            self.start(point.container, LINGERING if point.how == "in" else QUICK)
        if point.verb in FILLED:
            self.keep(point.container)
        child = self.dying(point)
        out, err = child.communicate()
        assert child.returncode == -9, (point.name, out, err)
        passed = tuple(out.splitlines())
        assert passed == POINTS[point.verb][: len(passed)], (point.name, out)
        assert len(passed) in (point.number, point.number + 1), (point.name, out)

    def entry(self, name: str) -> tuple[Transaction, ...]:
        """What the journal has about that container."""
        found = []
        for item in self.journal.all():
            assert not isinstance(item, Damaged), item
            if item.name == name:
                found.append(item)
        return tuple(found)

    def all(self, name: str) -> dict[str, tuple[str, bool]]:
        """Name to id and whether it runs, of all containers that came of it."""
        every = {}
        for line in self.rig.run("ps", "-a", "--no-trunc", "--format", "{{.Names}}|{{.ID}}|{{.Status}}").splitlines():
            called, number, status = line.split("|", 2)
            every[called] = (number, status.startswith("Up"))
        found = {called: each for called, each in every.items() if called.split(".")[0] == name}
        marks = {mark(number) for number, _ in found.values() for mark in (claim, guard)}
        return found | {called: each for called, each in every.items() if called in marks}

    def wrong(self, point: Point) -> list[str]:
        """What is not as it should be after `recover`; empty where all is well."""
        name = point.container
        if point.verb in ENDED:
            return self.wrong_ended(name, goes_on=point.goes_on, back=point.verb == "back")
        if point.verb in FILLED:
            ran = "write renamed" in POINTS[point.verb][: point.number + 1]
            return self.wrong_filled(name, goes_on=point.goes_on, back=point.verb == "unfill", ran=ran)
        return self.wrong_with(name, goes_on=point.goes_on, undone=point.verb == "undo")

    def wrong_filled(self, name: str, *, goes_on: bool, back: bool = False, ran: bool = True) -> list[str]:
        """Of one whose data gets a volume: it is there, with all of it or none, and nothing that filled it is left.

        `back`: on the way back; `ran`: its replacement may have written there.
        """
        found = []
        running = [called for called, (_, runs) in self.all(name).items() if runs]
        if running != [name]:
            return [f"running: {running}, there: {sorted(self.all(name))}"]
        if not self.kept(name).exists() or sorted(each.name for each in self.kept(name).parent.iterdir()) != [
            "mark",
            "more",
        ]:
            found.append("its data is gone")
        volumes = [each for each in self.rig.run("volume", "ls", "-q").split() if each.startswith(f"{name}-")]
        if (goes_on or back) and not volumes:
            found.append("the volume is gone")
        if not (back or goes_on or ran) and volumes:
            found.append(f"left: {volumes}")
        if self.policy(name) != "always":
            found.append(f"restart policy: {self.policy(name)}")
        images = self.rig.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        left = [each for each in images if each.startswith(f"localhost/stratascope/{name}:")]
        unfinished = [item.stage.value for item in self.entry(name) if item.stage is not Stage.DONE]
        return [*found, *(f"left: {each}" for each in left), *(f"unfinished: {each}" for each in unfinished)]

    def wrong_with(self, name: str, *, goes_on: bool, undone: bool = False) -> list[str]:
        """The same for any container. `undone`: it had been hardened before, and was on its way back."""
        there, entries, found = self.all(name), self.entry(name), []
        running = [called for called, (_, runs) in there.items() if runs]
        if running != [name]:
            return [f"running: {running}, there: {sorted(there)}"]
        if (there[name][0] == self.originals[name]) is not (undone is goes_on):
            found.append("the wrong one runs")
        if any(item.stage is not Stage.DONE for item in entries):
            found.append(f"unfinished: {[item.stage.value for item in entries]}")
        if len(entries) != (1 if undone or goes_on else 0):
            found.append(f"{len(entries)} entries")
        aside = {item.old_aside: item.old for item in entries}
        if {called: number for called, (number, _) in there.items() if called != name} != aside:
            found.append(f"there: {sorted(there)}, aside: {sorted(aside)}")
        policies = {called: self.policy(called) for called in there}
        if policies != {called: "always" if called == name else "no" for called in there}:
            found.append(f"restart policies: {policies}")
        data = [file.read_text() if file.exists() else "gone" for file in self.data(name)]
        if data != ["kept", "kept"]:
            found.append(f"its data: {data}")
        return found

    def wrong_ended(self, name: str, *, goes_on: bool, back: bool = False) -> list[str]:
        """Of one that had ended: it never runs, its replacement runs unless it is set aside, and each has its place."""
        there, entries, found = self.all(name), self.entry(name), []
        original = self.originals[name]
        replaced = goes_on is not back
        if name not in there or (there[name][0] != original) is not replaced:
            return [f"the wrong one has its name, there: {there}"]
        running = [called for called, (_, runs) in there.items() if runs]
        if running != ([name] if replaced else []):
            found.append(f"running: {running}")
        if len(entries) != (1 if back or goes_on else 0) or any(item.stage is not Stage.DONE for item in entries):
            found.append(f"entries: {[item.stage.value for item in entries]}")
        aside = {item.old_aside: item.old for item in entries}
        if {called: number for called, (number, _) in there.items() if called != name} != aside:
            found.append(f"there: {sorted(there)}, aside: {sorted(aside)}")
        return found

    def policy(self, container: str) -> str:
        """Its restart policy; Podman may have no word for none."""
        word: str = self.rig.inspect(container)["HostConfig"]["RestartPolicy"]["Name"]
        return word or "no"

    def data(self, name: str) -> list[Path]:
        """The files in its volumes, as its process sees them. No exec: Podman's over the API may lose its output."""
        root = Path(f"/proc/{self.rig.pid(name)}/root")
        return [root / "named/mark", root / "anonymous/mark"]

    def clear(self) -> None:
        """Remove all containers of the scene, and their volumes."""
        names = [called for name in self.originals for called in self.all(name)]
        if names:
            self.rig.remove(*names)
        made = [f"{name}-var-lib-kept" for name in self.originals]
        self.rig.run("volume", "rm", *self.originals, check=False)
        self.rig.run("volume", "rm", "-f", *made, check=False)


def _is_write(what: str) -> bool:
    return what.startswith(("write", "forget"))
