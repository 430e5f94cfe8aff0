"""Makes the plan of a container: what is taken back, what is let go of since it is not used, limits. Pure.

On is what is not used or not imported, what hardly any program needs, and a limit held against a measured peak. What
was granted and nothing is known of it is on where it opens a critical threat; else it is off, and watching tells. Off
is what is used; what changes who can reach the container; another user, unless it was seen becoming that one and doing
nothing else as root. Nothing here can lose data: a tmpfs goes only along with a read-only root directory, on what is
temporary by its nature; whatever else was written gets a volume, filled with it, or the root directory stays writable.

A change is judged by its effect: all are tried alone, in order, and flipped with the others as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import (
    Choice,
    Cure,
    Evidence,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.layers.toggles import all_toggles, brought_by, choice_of, fold
from stratascope.usecases.plan.pieces import graded, merged
from stratascope.value import replace

_GRANTS = (Cure.GRANT, Cure.PROTECTION)
_SPARE = (Use.NOT_USED, Use.NOT_IMPORTED, Use.MEASURED)
_SINGLY = 4  # grants of one kind that have a row each; more of them share one
Judge = Callable[[Sequence[Choice]], Matrix]  # with these choices; raises ToggleError
WhyNot = Callable[[Choice], Message | None]
Opening = Callable[[Sequence[Choice]], frozenset[Choice]]  # those of them that hold open a critical threat


def suggested(
    subject: Subject, pieces: Sequence[Choice], judge: Judge, opening: Opening, why_not: WhyNot
) -> HardeningPlan:
    """`pieces`: what could be taken back or put in the way here, each for itself. `why_not`: why a choice can't be
    carried out where the container comes from, if so.
    """
    grants = [each for each in pieces if each.cure(subject) in _GRANTS and not each.toggle.changes_users]
    # what a toggle that takes several at once would do is said one by one
    grants = [each for each in grants if each.toggle.planned is None or each.toggle.single is not None]
    able = [(each, why_not(each)) for each in grants]
    impossible = [(each, why) for each, why in able if why is not None]
    rows = list(_taken_back(subject, [each for each, why in able if why is None], judge, opening))
    after = _with(subject, merged(choice for row in rows if row.on for choice in row.choices))
    there = {row.choice.toggle for row in rows} | {each.toggle for each, _ in impossible}
    rows += _let_go(after, there, impossible, why_not)
    return _judged(subject, _keyed(rows), judge, tuple(impossible))


def as_wanted(plan: HardeningPlan, wanted: Wanted, subject: Subject, judge: Judge) -> HardeningPlan:
    """The same rows as a person wants them, in the same order, judged anew; what no row makes gets one below those of
    its kind. Raises ToggleError for a value that can't be.
    """
    on, values = dict(wanted.on), dict(wanted.values)
    rows = [_valued(replace(row, on=on.get(row.key, row.on)), values.get(row.key), subject) for row in plan.changes]
    for choice in wanted.more:
        row = replace(plan, changes=tuple(rows)).row(choice)
        if row is None:
            rows.append(replace(_of_a_person(choice.checked(subject), subject), key=str(choice)))
        else:
            whole = set(choice.pieces) <= set(row.choice.pieces)
            rows[rows.index(row)] = _valued(replace(row, on=True), None if whole else choice.value, subject)
    kinds = list(ChangeKind)
    rows.sort(key=lambda row: kinds.index(row.kind))
    return _judged(subject, rows, judge, plan.impossible, ordered=True)


def _valued(row: Change, value: str | None, subject: Subject) -> Change:
    if value is None or value == row.choice.value:
        return row
    return replace(row, choices=(Choice(row.choice.toggle, value).checked(subject), *row.choices[1:]))


def _of_a_person(choice: Choice, subject: Subject) -> Change:
    return replace(_row(choice, choice.evidence(subject), kind_of(choice, subject), subject), on=True, reason=None)


def kind_of(choice: Choice, subject: Subject) -> ChangeKind:
    """Below which head of a plan it stands."""
    if choice.gives:
        return ChangeKind.GIVE
    which = choice.toggle
    if choice.cure(subject) in _GRANTS and not which.habit:
        return ChangeKind.TAKE_BACK
    return ChangeKind.LIMIT if which.limit or which.habit or which.keeps_data else ChangeKind.UNUSED


def _keyed(rows: Sequence[Change]) -> list[Change]:
    """By the toggle; where that has several rows, by their values."""
    several = [row.choice.toggle for row in rows]
    return [
        replace(row, key=row.choice.id if several.count(row.choice.toggle) == 1 else str(row.choice)) for row in rows
    ]


def _with(subject: Subject, chosen: Sequence[Choice]) -> Subject:
    """The same with these in force."""
    asked = fold(subject.container.asked, chosen, subject)
    return replace(subject, container=replace(subject.container, asked=asked))


# What was granted


def _taken_back(subject: Subject, pieces: Sequence[Choice], judge: Judge, opening: Opening) -> Iterator[Change]:
    grants = _each_once(pieces, subject)
    grants = _one_a_mount(grants, subject, judge)
    evidence = {piece: piece.evidence(subject) for piece in grants}
    left = next((piece for piece in grants if piece.toggle.leaves_privileged), None)
    if left is not None:  # which restores what it overrides, and most of what it switched off
        after = _with(subject, (left,))
        asked = after.container.asked
        grants = [left, *(each for each in grants if each is not left and each.changes(asked, after))]
    able = [piece for piece in grants if not piece.toggle.reaches]
    free = [piece for piece in able if not evidence[piece].used or _kept(piece, subject)]
    critical = opening(free)
    taking_part = critical if len(free) == len(able) else opening(able)
    for piece in _grouped(grants, evidence):
        found = evidence[piece[0]] if len(piece) == 1 else _weakest(evidence[each] for each in piece)
        yield _row_of_grant(piece, found, subject, critical, taking_part)


def _each_once(grants: Sequence[Choice], subject: Subject) -> list[Choice]:
    """Without those of a list that do the same as a toggle that is made for it."""
    asked = subject.container.asked
    whole = {piece.apply(asked, subject) for piece in grants if piece.toggle.single is None}
    return [piece for piece in grants if piece.toggle.single is None or piece.apply(asked, subject) not in whole]


def _one_a_mount(grants: Sequence[Choice], subject: Subject, judge: Judge) -> list[Choice]:
    """Of a bind that could be taken out or made read-only: read-only where it is used, or where that closes as much
    with all else taken back. Both, where it is used and read-only closes less.
    """
    by_place: dict[str, list[Choice]] = {}
    for piece in grants:
        if piece.value.startswith("/"):
            by_place.setdefault(piece.value, []).append(piece)
    gone = set[Choice]()
    for both in by_place.values():
        if len(both) < 2:
            continue
        out = next((each for each in both if each.toggle.single is not None), both[0])
        milder = next(each for each in both if each is not out)
        used = out.evidence(subject).used
        if used and milder.evidence(subject).used:
            gone.add(milder)
            continue
        rest = [each for each in grants if each not in both and not each.toggle.reaches]
        if _opens(judge, merged((*rest, milder))) <= _opens(judge, merged((*rest, out))):
            gone.add(out)
        elif not used:
            gone.add(milder)
    return [piece for piece in grants if piece not in gone]


def _opens(judge: Judge, chosen: Sequence[Choice]) -> set[str]:
    try:
        return _opened(judge(chosen))
    except ToggleError:
        return set()


def _grouped(grants: Sequence[Choice], evidence: dict[Choice, Evidence]) -> Iterator[list[Choice]]:
    """Those of one toggle that are chosen one by one, where they are many and have the same evidence."""
    groups: dict[tuple[Toggle, Use], list[Choice]] = {}
    for piece in grants:
        groups.setdefault((piece.toggle, evidence[piece].use), []).append(piece)
    for (which, _), group in groups.items():
        if which.unit is Unit.CAPABILITIES and len(group) > _SINGLY:
            yield group
        else:
            yield from ([piece] for piece in group)


def _weakest(found: Iterable[Evidence]) -> Evidence:
    order = list(Use)
    return min(found, key=lambda each: order.index(each.use))


def _kept(piece: Choice, subject: Subject) -> tuple[Choice, ...]:
    return tuple(choice_of(*each) for each in piece.toggle.keeping(subject))


def _row_of_grant(
    group: list[Choice],
    evidence: Evidence,
    subject: Subject,
    critical: frozenset[Choice],
    taking_part: frozenset[Choice],
) -> Change:
    first = group[0]
    own = first if len(group) == 1 else Choice(first.toggle, ",".join(each.value for each in group))
    opens = first.toggle.leaves_privileged or any(each in critical for each in group)
    row = _row(own, evidence, kind_of(first, subject), subject, opens=opens)
    return replace(row, critical=not taking_part.isdisjoint(group))


def _row(own: Choice, evidence: Evidence, kind: ChangeKind, subject: Subject, *, opens: bool = False) -> Change:
    """`opens`: whether what it takes back opens something critical."""
    which, kept = own.toggle, _kept(own, subject)
    on, reason = evidence.use in _SPARE or evidence.rare, None
    if which.reaches:
        on, reason = False, msg("It would change who can reach the container, so you decide.")
    elif evidence.used and which.leaves_privileged and kept:
        on, reason = True, msg("What is used of it stays.")
    elif evidence.use is Use.UNKNOWN and not on and opens:
        on, reason = True, msg("It opens something critical, so it goes unless it is known to be used.")
    elif evidence.use is Use.UNKNOWN and not on and kind is not ChangeKind.LIMIT:
        seen = subject.seen is not None and subject.seen.seen.starts > 0
        reason = msg("A trial shows.") if which.changes_users and seen else None
        reason = reason or which.left_off(subject) or msg("Watch it to find out.")
    asked = subject.container.asked
    along = tuple(
        each for each in (*brought_by(which), *kept) if each.changes(asked, subject) or which.leaves_privileged
    )
    instead = own.toggle.instead(own.value, subject) if evidence.used else ()
    return Change((own, *along), kind, evidence, on, reason, alternatives=instead)


# What it holds by default, and limits


def _let_go(
    subject: Subject, there: set[Toggle], impossible: list[tuple[Choice, Message]], why_not: WhyNot
) -> Iterator[Change]:
    for which in all_toggles():
        if which.only_gives or which.hands_over or which.leaves_privileged:
            continue
        if which in there and which.planned is None:
            continue
        value = planned_value(which, subject)
        if not value or (which.overridden and subject.container.asked.privileged):
            continue
        choice = Choice(which, value)
        try:
            changes = choice.made or choice.checked(subject).changes(subject.container.asked, subject)
        except ToggleError as error:
            impossible.append((choice, error.message))
            continue
        if changes and (why := why_not(choice)) is not None:
            impossible.append((choice, why))
        elif changes:
            choice = choice if choice.made else choice.checked(subject)
            yield _row(choice, choice.evidence(subject), kind_of(choice, subject), subject)


def planned_value(which: Toggle, subject: Subject) -> str:
    """The value that the plan gives it; empty: none."""
    if which.planned is not None:
        return which.planned(subject) or ""
    watched = subject.seen is not None and subject.seen.seen.starts > 0
    if watched and which.learned_words:
        found = which.learned(which.learned_words[0], subject, subject.container.asked)
        if found is not None:
            value = which.learned_words[0] if found.text else found.value
            usual = "" if _tells(which, value, subject) else graded(which, subject)
            return usual or value
    return graded(which, subject)


def _tells(which: Toggle, value: str, subject: Subject) -> bool:
    """Whether it was watched for long enough for this value: a short watch, as a trial is, must not take away what the
    plan would have without any.
    """
    known = which.evidence(value, subject)
    return known.use is not Use.UNKNOWN or known.rare


# What it comes to


def _judged(
    subject: Subject,
    rows: Sequence[Change],
    judge: Judge,
    impossible: tuple[tuple[Choice, Message], ...],
    *,
    ordered: bool = False,
) -> HardeningPlan:
    """`ordered`: they stay in this order; else the largest effect is first in each kind."""
    now = judge(())
    chosen = _choices(subject, [row for row in rows if row.on])
    then = judge(chosen)
    both = dict[str, tuple[Matrix, Matrix]]()  # with and without each, the others as they stand
    for row in rows:
        other = _judge_or(judge, subject, [each for each in rows if each.on is not (each is row)], then)
        both[row.key] = (then, other) if row.on else (other, then)
    place = {each: number for number, each in enumerate(all_toggles())}
    kinds = list(ChangeKind)

    def order(row: Change) -> tuple[int, int, float, int, int]:
        with_it, without = both[row.key]
        gain = without.exposure.worst - with_it.exposure.worst
        first = -len(row.choice.toggle.shuts(row.choice.value, subject))
        return kinds.index(row.kind), first, -round(gain, 1), -_deeper(without, with_it), place[row.choice.toggle]

    changes, so_far = [], list[Change]()
    for row in rows if ordered else sorted(rows, key=order):
        with_it, without = both[row.key]
        alone = _judge_or(judge, subject, [row], now)
        if row.on:
            so_far.append(row)
        in_order = _judge_or(judge, subject, so_far, then) if row.on else with_it
        changes.append(
            replace(
                row,
                closes=tuple(
                    old.threat.id
                    for old, new in zip(now.threats, alone.threats, strict=True)
                    if old.threat.severity in SERIOUS and old.outcome is Outcome.OPEN and new.outcome is Outcome.STOPPED
                ),
                alone=alone.exposure.worst,
                in_order=in_order.exposure.worst,
                critical=row.critical or _keeps_critical(row, with_it, without),
                effect=round(without.exposure.worst - with_it.exposure.worst, 1),
                deeper=_deeper(without, with_it),
                shuts=row.choice.toggle.shuts(row.choice.value, subject),
                breaks=() if row.choice.made else row.choice.risks(subject),
            )
        )
    every = _judge_or(judge, subject, rows, then)
    opened = _opened(now)
    unclosed = tuple(state for severity in SERIOUS for state in every.open(severity) if state.threat.id in opened)
    return HardeningPlan(tuple(changes), chosen, now, then, impossible, unclosed)


def _keeps_critical(row: Change, with_it: Matrix, without: Matrix) -> bool:
    """Whether what is left to a person alone holds open a critical threat: a folder of data that shows more."""
    if row.on or row.choice.toggle.changes_users:
        return False
    return bool({each.threat.id for each in without.open(Severity.CRITICAL)}
                - {each.threat.id for each in with_it.open(Severity.CRITICAL)})  # fmt: skip


def _choices(subject: Subject, rows: Sequence[Change]) -> tuple[Choice, ...]:
    """Of these rows. While it stays privileged, what that overrides is left out."""
    chosen = merged(choice for row in rows for choice in row.choices)
    if subject.container.asked.privileged and not any(each.toggle.leaves_privileged for each in chosen):
        chosen = tuple(each for each in chosen if not each.toggle.overridden)
    return _stated(chosen, subject)


def _stated(chosen: tuple[Choice, ...], subject: Subject) -> tuple[Choice, ...]:
    """Where something that an engine gives by default is taken away as well, what stays is said as a whole."""
    for which in all_toggles():
        parts = [each for each in chosen if each.id in which.replaces and each.cure(subject) is Cure.BARRIER]
        if parts:
            asked = fold(subject.container.asked, [each for each in chosen if not each.made], subject)
            others = [each for each in chosen if each not in parts and each.toggle is not which]
            chosen = merged((*others, Choice(which, which.stated(asked, subject))))
    return chosen


def up_to_serious(plan: HardeningPlan, judge: Judge, subject: Subject) -> tuple[Choice, ...]:
    """Of what is on, as little as closes the same threats of `SERIOUS`: of what takes back a grant all that takes part
    in something critical and as much as closes any, then of the rest what is still needed.
    """
    on = [row for row in plan.changes if row.on]
    chosen = list[Change]()
    for able in ([row for row in on if row.kind is ChangeKind.TAKE_BACK], on):
        goal = _opened(_judge_or(judge, subject, [*chosen, *able], plan.now))
        needed = [row for row in able if row not in chosen]
        for row in reversed([row for row in needed if not row.critical]):
            fewer = [each for each in needed if each is not row]
            if _opened(_judge_or(judge, subject, [*chosen, *fewer], plan.now)) <= goal:
                needed = fewer
        chosen += needed
    return _choices(subject, chosen)


def _opened(matrix: Matrix) -> set[str]:
    """The ids of those of `SERIOUS` that are not seen to be stopped; of the critical, also by more than a program."""
    return {
        each.threat.id
        for each in matrix.threats
        if each.threat.severity in SERIOUS
        and (each.outcome is not Outcome.STOPPED or (each.held and each.threat.severity is Severity.CRITICAL))
    }


def _judge_or(judge: Judge, subject: Subject, rows: Sequence[Change], otherwise: Matrix) -> Matrix:
    try:
        return judge(_choices(subject, rows))
    except ToggleError:  # not possible together
        return otherwise


def _deeper(before: Matrix, after: Matrix) -> int:
    pairs = zip(before.threats, after.threats, strict=True)
    return sum(new is not old and new.depth[0] > old.depth[0] for old, new in pairs)
