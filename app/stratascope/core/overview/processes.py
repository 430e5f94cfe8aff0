"""The processes of a container as a tree, each compared with the first: what it may do that the first may not. Pure.

Decoded from what the layers read anyway; no extra reads. Exec sessions were started from outside, so each is a separate
tree after the first process's (`exec_sessions` finds them). Command lines are left out: they are in the process's
own memory, and a process can make such a read hang. User names are left out too: the container's passwd file is foreign
text. The only name shown is the user that the container was requested to start as.
"""

from __future__ import annotations

import re
from collections import defaultdict

from stratascope.core.capture import Capture, or_none
from stratascope.core.ground import Ground
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.linux.namespace import parse_idmap
from stratascope.linux.process import ProcessStatus, parse_stat, parse_status
from stratascope.value import Value, replace

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")  # as useradd(8) accepts; foreign text, so nothing else
_FILTER = 2  # SECCOMP_MODE_FILTER, include/uapi/linux/seccomp.h


class Process(Value):
    """One row of the tree. None: not readable.

    `depth`: below the root of its tree. `start`: clock ticks since boot; with the PID it identifies the process for
    good. `began`: seconds since the epoch. `user`, `user_inside`: the effective uid in the reader's and in the
    container's numbering; `user_name`: the name given to the engine, if this process runs as that user. `effective`: a
    mask. `more`, `less`: number of effective capabilities that it has and the first lacks, and the reverse. `filters`:
    number of seccomp filters; 0: none; -1: strict mode.
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
    unfiltered: bool = False  # the first process has a filter, this one has none
    freer: bool = False  # it can gain privileges by exec, the first can't
    raises: bool = False  # its own exposure is above the first's
    session: int = 0  # PID of the first process of its exec session; 0: in no session
    thread_of: int | None = None
    state: ProcessState | None = None  # None: the first process

    @property
    def key(self) -> tuple[int, int | None]:
        """Unique for good, even when a PID is reused."""
        return self.pid, self.start

    @property
    def beyond(self) -> bool:
        """Whether it may do anything that the first process may not."""
        return bool(self.more) or self.unfiltered or self.freer or self.raises

    @property
    def root_inside(self) -> bool:
        return self.user_inside == 0


def processes_of(state: ContainerState, ground: Ground) -> tuple[Process, ...]:
    """The first process's tree, then processes without a parent in it, then each exec session. Empty if nothing was
    read.
    """
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
    """The user that the container is to start as; empty for a number, a malformed name, or root (a process of
    another uid must not be shown as "root").
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
    """The uid inside, by the map of the process's own user namespace, if that was read."""
    idmap = or_none(capture.decoded("uid_map", parse_idmap))
    if idmap is None and capture.text("ns/user") == first.text("ns/user"):
        idmap = or_none(first.decoded("uid_map", parse_idmap))
    part = next((each for each in idmap or () if each.outside <= user < each.outside + each.length), None)
    return None if part is None else part.inside + user - part.outside


def _in_order(rows: dict[int, Process], first: int) -> tuple[Process, ...]:
    """Depth first, without recursion: a chain can be as long as there are processes."""
    below: dict[int, list[Process]] = defaultdict(list)
    roots: list[Process] = []
    for row in rows.values():
        alone = row.pid == first or row.parent not in rows or row.parent == row.pid
        (roots if alone else below[row.parent]).append(row)
    for group in (roots, *below.values()):
        group.sort(key=lambda each: (each.start or 0, each.pid))
    roots.sort(key=lambda each: (each.pid != first, bool(each.session)))
    found: list[Process] = []
    listed: set[int] = set()
    for root in roots:
        ahead = [(root, 0, root.session)]
        while ahead:
            row, depth, session = ahead.pop()
            if row.pid in listed:
                continue
            listed.add(row.pid)
            found.append(replace(row, depth=depth, session=session))
            ahead += [(each, depth + 1, session) for each in reversed(below.get(row.pid, ()))]
    found += [row for row in rows.values() if row.pid not in listed]  # a cycle, as a hostile /proc might report
    return tuple(found)
