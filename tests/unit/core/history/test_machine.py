"""What changed over all containers since a moment: which way each went, in which order, and what shares a row."""

from __future__ import annotations

import pytest

from stratascope.core.history.entry import (
    GONE,
    Exposed,
    HistoryEntry,
    Image,
    Made,
    Part,
    Run,
    Standing,
    Subject,
    Unlike,
    WatchSpan,
    changed,
    standing_of,
)
from stratascope.core.history.fold import What
from stratascope.core.history.machine import Direction, Moved, Rows, counted, moved
from stratascope.value import replace

BEGAN, SINCE = 1000.0, 50_000.0
WATCHED = (WatchSpan(BEGAN, 90_000.0),)
FIRST = Standing(Made("a" * 64), Image("web:1"), Run("running", 100.0), ("--memory 64m",), None, Exposed(4.0, 4.0),
                 (("seccomp", "ENFORCED"), ("mac", "ENFORCED")), ("mount",), ())  # fmt: skip
SESSION = Unlike("sh", "exec", ("capabilities.effective",))
History = dict[Subject, tuple[HistoryEntry, ...]]


def of(name: str, *steps: tuple[float, Standing], engine: str = "docker") -> History:
    """A container's history, as a recorder writes it: the parts that changed."""
    found: list[HistoryEntry] = []
    held = Standing()
    for at, standing in steps:
        parts = changed(held, standing)
        found.extend(HistoryEntry(at, kind, part) for kind, part in parts)
        held = standing_of(parts, held)
    return {Subject(engine, name): tuple(found)}


def to(**parts: Part) -> Standing:
    return Standing(**parts)  # type: ignore[arg-type]


def rows(*histories: History, since: float = SINCE) -> tuple[Moved, ...]:
    every: History = {}
    for each in histories:
        every |= each
    return moved(every, WATCHED, since)


def one(*steps: tuple[float, Standing], since: float = SINCE) -> Moved | None:
    found = rows(of("web", (BEGAN, FIRST), *steps), since=since)
    assert len(found) < 2
    return found[0] if found else None


def test_what_was_there_from_the_beginning_is_no_news() -> None:
    assert one() is None
    assert one(since=0.0) is None
    found = one((60_000.0, to(exposed=Exposed(9.0, 9.0))), since=0.0)  # compared with how it was first seen
    assert found is not None
    assert (found.direction, found.before, found.after) == (Direction.WORSE, 4.0, 9.0)
    assert rows() == ()


@pytest.mark.parametrize(
    ("step", "direction"),
    [
        (to(exposed=Exposed(6.0, 6.0)), Direction.WORSE),
        (to(exposed=Exposed(4.04, 4.0)), None),  # the same number
        (to(exposed=Exposed(3.0, 3.0)), Direction.BETTER),
        (to(threats=("mount", "load-module")), Direction.WORSE),
        (to(threats=()), Direction.BETTER),
        (to(layers=(("seccomp", "OPEN"), ("mac", "ENFORCED"))), Direction.WORSE),
        (to(drift=(SESSION,)), Direction.WORSE),
        (to(run=Run(GONE)), Direction.GONE),
        (to(run=Run("running", 60_000.0)), Direction.OTHER),
        (to(run=Run("exited", 100.0, 137)), Direction.OTHER),
        (to(image=Image("web:2")), Direction.OTHER),
        (to(settings=("--memory 64m", "--label x=y")), Direction.OTHER),
    ],
)
def test_where_it_went(step: Standing, direction: Direction | None) -> None:
    found = one((60_000.0, step))
    assert (None if found is None else found.direction) == direction
    assert one((40_000.0, step)) is None  # before the moment


def test_a_new_one_came_while_others_were_recorded() -> None:
    before = of("db", (BEGAN, FIRST))
    (found,) = rows(before, of("web", (60_000.0, FIRST)))
    assert (found.direction, found.before, found.after, found.subject.name) == (Direction.NEW, None, 4.0, "web")


def test_all_of_an_engine_that_was_never_recorded_is_not_new() -> None:
    """A second engine, or another machine, is connected: its containers may be years old."""
    before = of("db", (BEGAN, FIRST))
    assert rows(before, of("web", (60_000.0, FIRST), engine="podman")) == ()
    started = replace(FIRST, run=Run("running", 59_000.0))  # since the recording began
    (found,) = rows(before, of("web", (60_000.0, started), engine="podman"))
    assert found.direction is Direction.NEW


def test_one_that_is_gone_and_comes_back_is_new() -> None:
    back = replace(FIRST, made=Made("b" * 64), run=Run("running", 60_000.0))
    found = one((40_000.0, to(run=Run(GONE))), (60_000.0, back))
    assert found is not None
    assert found.direction is Direction.NEW


def test_one_created_anew_is_no_new_one_before_the_recording() -> None:
    """Its first run is from before, whenever the last one started."""
    anew = replace(FIRST, made=Made("b" * 64), run=Run("running", 60_000.0), exposed=Exposed(9.0, 9.0))
    found = one((60_000.0, to(run=Run(GONE))), (60_010.0, anew), since=0.0)
    assert found is not None
    assert (found.direction, found.before, found.after) == (Direction.WORSE, 4.0, 9.0)


def test_one_that_came_and_went_is_told_with_what_it_could() -> None:
    before = of("db", (BEGAN, FIRST))
    short = of("job", (60_000.0, replace(FIRST, exposed=Exposed(10.0, 9.0))), (61_000.0, to(run=Run(GONE))))
    (found,) = rows(before, short)
    assert (found.direction, found.before, found.then) == (Direction.GONE, 10.0, Standing())


def test_readings_are_compared_with_their_own_kind() -> None:
    """Root sees more: 4 → 7 only because another reader looked is no change, and a change is not lost between them."""
    as_root = to(exposed=Exposed(7.0, 7.0, root=True), threats=("mount", "load-module"))
    assert one((60_000.0, as_root)) is None
    known = one((10_000.0, as_root), (60_000.0, to(exposed=Exposed(4.0, 4.0), threats=("mount",))))
    assert known is None
    worse = one((10_000.0, as_root), (20_000.0, to(exposed=Exposed(4.0, 4.0), threats=("mount",))),
                (60_000.0, to(exposed=Exposed(9.0, 9.0, root=True), threats=("load-module",))),
                (70_000.0, to(exposed=Exposed(4.0, 4.0), threats=("mount",))))  # fmt: skip
    assert worse is not None
    assert (worse.direction, worse.before, worse.after) == (Direction.WORSE, 7.0, 9.0)


def test_what_was_granted_and_opened() -> None:
    found = one((60_000.0, to(settings=("--memory 64m", "--privileged"), exposed=Exposed(9.0, 9.0),
                              threats=("load-module", "mount"), drift=(SESSION,))))  # fmt: skip
    assert found is not None
    assert (found.gained, found.lost, found.opened, found.closed) == (("--privileged",), (), ("load-module",), ())
    assert found.sessions == (SESSION,)
    assert [each.what for each in found.changes] == [What.SETTINGS, What.EXPOSURE, What.OPENED, What.DRIFT]


def test_a_change_taken_back_is_told_without_a_direction() -> None:
    found = one((60_000.0, to(drift=(SESSION,))), (61_000.0, to(drift=())))
    assert found is not None
    assert found.direction is Direction.OTHER
    assert [each.what for each in found.changes] == [What.DRIFT, What.DRIFT_ENDED]


def test_what_came_and_went_meanwhile() -> None:
    granted = to(made=Made("b" * 64), settings=("--cap-add NET_ADMIN",), threats=("mount", "load-module"))
    back = to(made=Made("c" * 64), settings=("--memory 64m",), threats=("mount",))
    found = one((60_000.0, granted), (60_500.0, to(drift=(SESSION,))), (61_000.0, back), (61_500.0, to(drift=())))
    assert found is not None
    assert (found.direction, found.gained, found.lost) == (Direction.OTHER, (), ())
    assert (found.passed, found.returned) == (("--cap-add NET_ADMIN",), ("--memory 64m",))
    assert (found.passed_threats, found.passed_sessions) == (("load-module",), (SESSION,))
    still = one((60_000.0, granted))
    assert still is not None
    assert (still.passed, still.returned, still.passed_threats, still.passed_sessions) == ((), (), (), ())


def test_the_worst_number_first_and_then_the_largest_rise() -> None:
    def rising(name: str, before: float, after: float) -> History:
        was = replace(FIRST, exposed=Exposed(before, before))
        new = to(exposed=Exposed(after, after), settings=(f"--name {name}",))
        return of(name, (BEGAN, was), (60_000.0, new))

    found = rows(rising("a", 2.0, 4.1), rising("b", 4.0, 10.0), rising("c", 3.8, 4.1), of("d", (60_000.0, FIRST)),
                 rising("e", 5.0, 1.0))  # fmt: skip
    assert [each.subject.name for each in found] == ["b", "a", "c", "d", "e"]


def hit(name: str, at: float, before: float = 4.0) -> History:
    was = replace(FIRST, exposed=Exposed(before, before))
    lost = to(layers=(("seccomp", "ENFORCED"), ("mac", "OPEN")), exposed=Exposed(before + 1, 5.0))
    return of(name, (BEGAN, was), (at, lost))


def test_what_hit_all_containers_is_one_row() -> None:
    found = rows(hit("a", 60_000.0), hit("b", 60_002.0, 8.0), hit("c", 60_004.0), of("odd", (BEGAN, FIRST)))
    (row,) = found
    assert row.everywhere
    assert (len(row.subjects), row.of, row.subject.name) == (3, 4, "b")
    assert row.layers == (("mac", "ENFORCED", "OPEN"),)
    assert counted(found)[Direction.WORSE] == 1


def test_what_hit_two_or_few_of_many_is_theirs() -> None:
    assert [each.everywhere for each in rows(hit("a", 60_000.0), hit("b", 60_002.0, 8.0))] == [False, False]
    many = [of(f"still{letter}", (BEGAN, FIRST)) for letter in "abcdefgh"]
    found = rows(hit("a", 60_000.0), hit("b", 60_002.0, 8.0), hit("c", 60_003.0, 7.0), *many)
    assert not any(each.everywhere for each in found)
    apart = rows(hit("a", 60_000.0), hit("b", 70_000.0, 8.0), hit("c", 80_000.0, 7.0))
    assert not any(each.everywhere for each in apart)


def test_what_has_a_cause_of_its_own_is_not_the_machines() -> None:
    def asked(name: str) -> History:
        new = to(settings=("--privileged",), exposed=Exposed(9.0, 9.0))
        return of(name, (BEGAN, FIRST), (60_000.0, new))

    (row,) = rows(asked("worker-1"), asked("worker-2"), asked("worker-3"))
    assert not row.everywhere
    assert [each.name for each in row.subjects] == ["worker-1", "worker-2", "worker-3"]


def test_those_that_changed_alike_share_a_row() -> None:
    new = to(settings=("--privileged",), exposed=Exposed(9.0, 9.0))
    found = rows(of("worker-1", (BEGAN, FIRST), (60_000.0, new)), of("worker-2", (BEGAN, FIRST), (61_000.0, new)),
                 of("web", (BEGAN, FIRST), (60_000.0, new)))  # fmt: skip
    assert sorted(len(each.subjects) for each in found) == [1, 2]
    assert counted(found)[Direction.WORSE] == 3
    jobs = [of(name, (60_000.0, FIRST), (60_010.0, to(run=Run(GONE)))) for name in ("eager_fox", "calm_owl", "a1")]
    (gone,) = rows(of("db", (BEGAN, FIRST)), *jobs)
    assert len(gone.subjects) == 3


def test_rows_are_worked_out_again_only_where_something_was_added() -> None:
    """And come out the same as worked out at once, whatever the moment."""
    rows_of = Rows()
    history = of("web", (BEGAN, FIRST), (60_000.0, to(exposed=Exposed(6.0, 6.0)))) | hit("db", 60_500.0)
    first = rows_of.of(history, WATCHED, SINCE)
    assert first == moved(history, WATCHED, SINCE)
    assert rows_of.of(history, WATCHED, SINCE)[0] is first[0]
    (more,) = of("web", (BEGAN, FIRST), (60_000.0, to(exposed=Exposed(6.0, 6.0))),
                 (61_000.0, to(exposed=Exposed(9.0, 9.0)))).values()  # fmt: skip
    history[Subject("docker", "web")] = more
    assert rows_of.of(history, WATCHED, SINCE) == moved(history, WATCHED, SINCE)
    assert rows_of.of(history, WATCHED, 60_700.0) == moved(history, WATCHED, 60_700.0)


def test_a_clock_that_was_set_back() -> None:
    """What was written last is the state now, whatever the clock said."""
    found = one((80_000.0, to(exposed=Exposed(9.0, 9.0))), (60_000.0, to(exposed=Exposed(5.0, 5.0))))
    assert found is not None
    assert (found.before, found.after) == (4.0, 5.0)


def test_nothing_was_recording_when_it_happened() -> None:
    spans = (WatchSpan(BEGAN, 55_000.0), WatchSpan(69_990.0, 90_000.0))
    (found,) = moved(of("web", (BEGAN, FIRST), (70_000.0, to(exposed=Exposed(9.0, 9.0)))), spans, SINCE)
    assert (found.at, found.unseen_from) == (70_000.0, 55_000.0)


def test_parts_that_are_not_known() -> None:
    """An ordinary user reads no exposure at all of some: what is known is told."""
    bare = Standing(Made("a" * 64), Image("web:1"), Run("running", 100.0), ())
    (found,) = rows(of("web", (BEGAN, bare), (60_000.0, to(settings=("--privileged",)))))
    assert (found.direction, found.before, found.after) == (Direction.OTHER, None, None)
    assert found.gained == ("--privileged",)


def kept(made: str, *, by_us: bool = False) -> Standing:
    return Standing(Made(made * 64, by_us), Image("web:1"), Run("exited", 100.0), FIRST.settings)


def test_kept_originals_are_neither_new_nor_gone() -> None:
    relaunched = to(made=Made("b" * 64, by_us=True), exposed=Exposed(2.0, 2.0), run=Run("running", 60_000.0))
    hardened = of("web", (BEGAN, FIRST), (60_000.0, relaunched))
    aside = of("web.old-0123abcd", (60_000.0, kept("a")))
    (row,) = rows(hardened, aside)
    assert (row.subject.name, row.direction) == ("web", Direction.BETTER)
    gone = of("web.old-0123abcd", (BEGAN, kept("a")), (70_000.0, to(run=Run(GONE, 100.0))))
    assert [each.subject.name for each in rows(hardened, gone)] == ["web"]


def test_a_container_of_such_a_name_that_nobody_kept_is_told() -> None:
    (row,) = rows(of("web", (BEGAN, FIRST)), of("web.old-0123abcd", (60_000.0, kept("c"))))
    assert (row.subject.name, row.direction) == ("web.old-0123abcd", Direction.NEW)
    (row,) = rows(of("db.old-0123abcd", (60_000.0, kept("a"))), of("web", (BEGAN, FIRST)))
    assert row.direction is Direction.NEW


@pytest.mark.parametrize("recorded", [True, False])
def test_an_undo_is_named_whatever_was_recorded_of_the_original(recorded: bool) -> None:
    """It was hardened before the moment; or before anything was recorded, with the original kept beside it."""
    ours = replace(FIRST, made=Made("b" * 64, by_us=True), exposed=Exposed(2.0, 2.0))
    back = to(made=Made("a" * 64), exposed=Exposed(4.0, 4.0), run=Run("running", 60_000.0))
    steps = ((BEGAN, FIRST), (BEGAN + 1, ours)) if recorded else ((BEGAN, ours),)
    web = of("web", *steps, (60_000.0, back))
    aside = {} if recorded else of("web.old-0123abcd", (BEGAN, kept("a")), (60_000.0, to(run=Run(GONE))))
    now_kept = of("web.old-fedcba98", (60_000.0, kept("b", by_us=True)))
    (row,) = rows(web, aside, now_kept)
    assert (row.subject.name, row.direction) == ("web", Direction.WORSE)
    assert What.UNDONE in [each.what for each in row.changes]
    assert What.REPLACED not in [each.what for each in row.changes]
