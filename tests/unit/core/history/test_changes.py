"""What happened, from what was written down where something changed."""

from __future__ import annotations

from stratascope.core.history.entry import (
    GONE,
    Exposed,
    HistoryEntry,
    Image,
    Limits,
    Made,
    Part,
    PartKind,
    Run,
    Standing,
    Unlike,
    WatchSpan,
    changed,
)
from stratascope.core.history.fold import Change, What, changes
from stratascope.value import replace

UP = Run("running", 100.0)
FIRST = Standing(Made("a" * 64), Image("web:1"), UP, ("--memory 64m",), Limits(memory=64 << 20), Exposed(5.0, 4.0),
                 (("seccomp", "ENFORCED"),), ("mount",), ())  # fmt: skip


def entries(*steps: tuple[float, Standing]) -> list[HistoryEntry]:
    """As a recorder writes them: the parts that changed."""
    found: list[HistoryEntry] = []
    held = Standing()
    for at, standing in steps:
        for kind, part in changed(held, standing):
            found.append(HistoryEntry(at, kind, part))
        known = {kind.value: standing.part(kind) or held.part(kind) for kind in PartKind}
        held = Standing(**known)  # type: ignore[arg-type]
    return found


def then(**parts: Part) -> Standing:
    return Standing(**parts)  # type: ignore[arg-type]


def happened(*steps: tuple[float, Standing]) -> list[What]:
    return [each.what for each in changes(entries((1000.0, FIRST), *steps))]


def test_first_seen_and_nothing_more() -> None:
    assert happened() == [What.FIRST]
    assert happened((1010.0, FIRST)) == [What.FIRST]


def test_settings_and_the_limits_that_follow_them_are_one_change() -> None:
    """`docker update --memory` changes both; a limit that changes alone was set by somebody else."""
    updated = then(settings=("--memory 128m",), limits=Limits(memory=128 << 20))
    found = changes(entries((1000.0, FIRST), (1010.0, updated)))
    assert found[1:] == (Change(1010.0, What.SETTINGS, ("--memory 128m",), ("--memory 64m",)),)
    alone = changes(entries((1000.0, FIRST), (1010.0, then(limits=Limits(memory=1, cpu=0.5)))))
    assert alone[1:] == (Change(1010.0, What.LIMITS, ("memory 1", "cpu 0.5"), (f"memory {64 << 20}",)),)


def test_an_end_and_a_start_soon_after_are_one_restart() -> None:
    ended, again = then(run=Run("exited", 100.0, 137, True)), then(run=Run("running", 1012.0))
    assert happened((1010.0, ended)) == [What.FIRST, What.ENDED]
    found = changes(entries((1000.0, FIRST), (1010.0, ended), (1014.0, again)))
    assert found[1:] == (Change(1012.0, What.RESTARTED, code=137, out_of_memory=True),)
    assert happened((1010.0, ended), (5000.0, then(run=Run("running", 4999.0)))) == [
        What.FIRST,
        What.ENDED,
        What.STARTED,
    ]


def test_a_restart_between_two_looks() -> None:
    found = changes(entries((1000.0, FIRST), (2000.0, then(run=Run("running", 1500.0)))))
    assert found[1:] == (Change(1500.0, What.RESTARTED),)  # when it began, not when it was seen


def test_another_container_under_the_name() -> None:
    """By a relaunch of ours, back by its undo, or by anybody; that it stopped meanwhile is part of that."""
    ours, other = then(made=Made("b" * 64, by_us=True), run=Run("running", 1011.0)), then(made=Made("c" * 64))
    back = then(made=Made("a" * 64), run=Run("running", 1050.0))
    stopped = then(run=Run("exited", 100.0, 0))
    assert happened((1010.0, stopped), (1012.0, ours), (1051.0, back)) == [What.FIRST, What.RELAUNCHED, What.UNDONE]
    assert happened((1010.0, then(run=Run(GONE, 100.0))), (1012.0, other)) == [What.FIRST, What.REPLACED]
    assert happened((1010.0, then(run=Run(GONE, 100.0)))) == [What.FIRST, What.GONE]


def test_one_that_is_seen_before_it_is_started_anew() -> None:
    """Its start is part of that, also where it began while the look at it was still under way."""
    ours = then(made=Made("b" * 64, by_us=True), run=Run("running", 1011.0))
    renamed = then(made=Made("a" * 64), run=Run("exited", 100.0, 0))
    for started in (1049.8, 1050.4):
        up = then(run=Run("running", started))
        assert happened((1012.0, ours), (1050.0, renamed), (1052.0, up)) == [What.FIRST, What.RELAUNCHED, What.UNDONE]
    # it never came up, and a start by hand long after
    other, late = replace(renamed, made=Made("c" * 64)), (5000.0, then(run=Run("running", 4999.0)))
    assert happened((1050.0, other), late) == [What.FIRST, What.REPLACED, What.ENDED, What.STARTED]


def test_what_another_reader_sees_is_no_change() -> None:
    """Root reads more, so the number is another one; nothing happened to the container."""
    root = then(exposed=Exposed(4.2, 4.2, root=True), threats=(), layers=(("seccomp", "WEAKENED"),))
    assert happened((1010.0, root)) == [What.FIRST]
    worse = then(exposed=Exposed(9.8, 9.8, root=True), threats=("mount", "reboot"))
    found = changes(entries((1000.0, FIRST), (1010.0, root), (1020.0, worse)))
    assert found[1:] == (
        Change(1020.0, What.EXPOSURE, before=4.2, after=9.8),
        Change(1020.0, What.OPENED, ("mount", "reboot")),
    )


def test_drift_comes_and_goes() -> None:
    session = then(drift=(Unlike("sh", "exec", ("capabilities.effective",)),))
    found = changes(entries((1000.0, FIRST), (1010.0, session), (1020.0, then(drift=()))))
    told = (Unlike("sh", "exec", ("capabilities.effective",)),)
    assert found[1:] == (Change(1010.0, What.DRIFT, drift=told), Change(1020.0, What.DRIFT_ENDED, drift=told))


def test_verdicts_and_threats() -> None:
    now = then(layers=(("seccomp", "OPEN"),), threats=("reboot",))
    found = changes(entries((1000.0, FIRST), (1010.0, now)))
    assert found[1:] == (
        Change(1010.0, What.OPENED, ("reboot",)),
        Change(1010.0, What.CLOSED, (), ("mount",)),
        Change(1010.0, What.LAYERS, ("seccomp OPEN",), ("seccomp ENFORCED",)),
    )


def test_when_it_happened_where_nobody_looked() -> None:
    """A change that is there at the first look after a pause happened at any time in it."""
    history = entries((1000.0, FIRST), (90000.0, then(settings=())))
    watches = (WatchSpan(900.0, 2000.0), WatchSpan(89990.0, 95000.0))
    assert changes(history, watches)[1].unseen_from == 2000.0
    assert changes(history, (WatchSpan(900.0, 95000.0),))[1].unseen_from is None
