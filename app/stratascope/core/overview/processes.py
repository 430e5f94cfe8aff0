"""The processes of a container as a tree, each beside the first: what it may do that the first may not. Pure.

Everything is decoded from what the layers' readings hold anyway; nothing is read for it. Exec sessions came from
outside, and are trees of their own below the first process's (`exec_sessions` tells them apart). Command lines are not
here: they stand in a process's own memory, and a process can make reads of that hang. Nor are the names of users: the
container's own files have them, which are a stranger's. The only name is the one that its engine was asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict

from stratascope.core.capture import Capture, or_none
from stratascope.core.ground import Ground
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.linux.idmap import parse_idmap
from stratascope.linux.stat import parse_stat
from stratascope.linux.status import ProcessStatus, parse_status
from stratascope.value import Value, replace

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")  # as useradd(8) takes it; a stranger's, so no other letters
_FILTER = 2  # SECCOMP_MODE_FILTER, include/uapi/linux/seccomp.h


class Process(Value):
    """One row. None: not readable.

    `depth`: how far below the root of its tree. `start`: clock ticks since boot; with the PID it is one process's for
    good. `began`: seconds since the epoch. `user`, `user_inside`: the effective uid as the reader and as the container
    number it; `user_name`: by the name that the engine was asked to start the container as, where it is that user.
    `effective`: bits. `more`, `less`: how many capabilities it holds in effect that the first does not, and
    the other way round. `filters`: 0 without any; -1 in strict mode.
    """

    pid: int
    pid_inside: int | None
    command: str
    depth: int = 0
    parent: int = 0
    start: int | None = None
    began: float | None = None
    user: int | None = None
    user_inside: int | None = None
    user_name: str = ""
    effective: int | None = None
    more: int = 0
    less: int = 0
    no_new_privs: bool | None = None
    filters: int | None = None
    unfiltered: bool = False  # the first has a filter, and this one none
    freer: bool = False  # it can gain privileges by exec, and the first can't
    raises: bool = False  # its own exposure is above that of the first
    session: int = 0  # the PID of the process with which its exec session began; 0: in none
    thread_of: int | None = None
    state: ProcessState | None = None  # None: the first process

    @property
    def key(self) -> tuple[int, int | None]:
        """Never that of another one, a reused PID included."""
        return self.pid, self.start

    @property
    def beyond(self) -> bool:
        """Whether it may do anything that the first may not."""
        return bool(self.more) or self.unfiltered or self.freer or self.raises

    @property
    def root_inside(self) -> bool:
        return self.user_inside == 0


def processes_of(state: ContainerState, ground: Ground) -> tuple[Process, ...]:
    """The first process's tree, then what hangs on none, then each exec session. Empty where nothing was read."""
    first = state.capture
    if first is None:
        return ()
    head = or_none(first.decoded("status", parse_status))
    rows = {first.pid: _row(first, None, head, first, ground, state.first_exposure)}
    for each in state.processes:
        if each.capture is not None:
            rows[each.pid] = _row(each.capture, each, head, first, ground, state.first_exposure)
    name = _asked_name(state)
    if name and head is not None and head.uids is not None and len(set(head.uids)) == 1:  # as it was started
        whose = rows[first.pid]
        for pid, row in rows.items():
            if row.user_inside and (row.user, row.user_inside) == (whose.user, whose.user_inside):
                rows[pid] = replace(row, user_name=name)
    return _in_order(rows, first.pid)


def _asked_name(state: ContainerState) -> str:
    """Of the user that the container was to be started as; empty where that is a number, nobody's name, or root: who
    is called so, and is another one, is told by number.
    """
    name = state.container.asked.user.partition(":")[0]
    return name if _NAME.fullmatch(name) is not None and name != "root" else ""


def _row(
    capture: Capture,
    state: ProcessState | None,
    head: ProcessStatus | None,
    first: Capture,
    ground: Ground,
    exposure: float | None,
) -> Process:
    status = or_none(capture.decoded("status", parse_status))
    stat = or_none(capture.decoded("stat", parse_stat))
    start = None if stat is None else stat.start
    began = None if start is None or ground.boot_time is None or not ground.clock_ticks else (
        ground.boot_time + start / ground.clock_ticks
    )  # fmt: skip
    command = (or_none(capture.text("comm")) or (status.name if status is not None else None) or "").rstrip("\n")
    if status is None:
        return Process(capture.pid, None, command, start=start, began=began, state=state)
    user = None if status.uids is None else status.uids.effective
    more = less = 0
    if head is not None and None not in (head.effective, status.effective):
        mine, its = head.effective or 0, status.effective or 0
        more, less = (its & ~mine).bit_count(), (mine & ~its).bit_count()
    thread_of = None if state is None else state.thread_of
    raises = state is not None and exposure is not None and (state.exposure or 0.0) > exposure
    return Process(
        capture.pid,
        status.nspid[-1] if status.nspid else None,
        command,
        parent=thread_of or status.ppid or 0,
        start=start,
        began=began,
        user=user,
        user_inside=None if user is None else _inside(user, capture, first),
        effective=status.effective,
        more=more,
        less=less,
        no_new_privs=status.no_new_privs,
        filters=_filters(status),
        unfiltered=head is not None and bool(head.seccomp) and status.seccomp == 0,
        freer=head is not None and head.no_new_privs is True and status.no_new_privs is False,
        raises=raises,
        session=0 if state is None or not state.kind else capture.pid,
        thread_of=thread_of,
        state=state,
    )


def _filters(status: ProcessStatus) -> int | None:
    if status.seccomp is None:
        return None
    if status.seccomp != _FILTER:
        return -status.seccomp
    return status.seccomp_filters or 1


def _inside(user: int, capture: Capture, first: Capture) -> int | None:
    """By its own user namespace's map, where that was read."""
    idmap = or_none(capture.decoded("uid_map", parse_idmap))
    if idmap is None and capture.text("ns/user") == first.text("ns/user"):
        idmap = or_none(first.decoded("uid_map", parse_idmap))
    part = next((each for each in idmap or () if each.outside <= user < each.outside + each.length), None)
    return None if part is None else part.inside + user - part.outside


def _in_order(rows: dict[int, Process], first: int) -> tuple[Process, ...]:
    """Depth first without recursion: a chain may be as long as there are processes."""
    below: dict[int, list[Process]] = defaultdict(list)
    roots: list[Process] = []
    for row in rows.values():
        alone = row.pid == first or row.parent not in rows or row.parent == row.pid
        (roots if alone else below[row.parent]).append(row)
    for group in (roots, *below.values()):
        group.sort(key=lambda each: (each.start or 0, each.pid))
    roots.sort(key=lambda each: (each.pid != first, bool(each.session)))
    found: list[Process] = []
    there: set[int] = set()
    for root in roots:
        ahead = [(root, 0, root.session)]
        while ahead:
            row, depth, session = ahead.pop()
            if row.pid in there:
                continue
            there.add(row.pid)
            found.append(replace(row, depth=depth, session=session))
            ahead += [(each, depth + 1, session) for each in reversed(below.get(row.pid, ()))]
    found += [row for row in rows.values() if row.pid not in there]  # a circle that a hostile /proc might tell of
    return tuple(found)
