"""Tightens a container: watches a twin, learns its needs, derives the tightest settings, and tries them on twins.

The result is settings that were found to work; the original is not changed. `harden` does the relaunch, with the same
plan, proof and undo as any other. If nothing can be observed, the strict settings are tried as they are, and trials
alone find which are too strict. Settings chosen by a person are handled likewise: all are tried, and if they break the
container, the largest subset that works is searched.

The candidates begin from the plan: what was granted goes as in it, or stays as in it, and what it puts in force is
tried. All else is the strict settings, with each guessed value replaced by what was observed. Observation has priority:
a guessed limit is left out if a whole start was watched and nothing suggests a limit. What can't be done here is left
out alone, with its reason.

Where there can be no twin, what remains is the plan itself, which rests on what was observed.

Results are reported per setting: the reason for a value is what was learned and, if it had to be loosened, what a twin
was refused. Decided against reporting only the trials: a person asks about settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Needs, NeedsError, Observation, added
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.hardening_plan import ChangeKind, HardeningPlan
from stratascope.core.relaunch.toggle import Choice, Preset, Subject, Toggle, ToggleError
from stratascope.core.relaunch.transaction import REPEATS, JournalError
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.layers.shared.signs_of_use import waits_for_sessions
from stratascope.layers.shared.toggle_values import LEARNED, TIGHT
from stratascope.layers.toggles import all_toggles, choices, fold
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp_profile import allowed_names
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.choices import PathOf, Resolved, resolved
from stratascope.usecases.plan.file_access import identities
from stratascope.usecases.plan.look import Look
from stratascope.usecases.plan.plan import able
from stratascope.usecases.plan.written_files import image_folders
from stratascope.usecases.tighten.configured import Line, lines_of, told
from stratascope.usecases.tighten.refusals import Allowing, Counts, Loosen
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.strategy import (
    Attempt,
    Ends,
    Purpose,
    Searched,
    SearchEvent,
    TrialBegun,
    TrialDone,
    Verdict,
    search,
)
from stratascope.usecases.trial.trial import Observe, Trials, unwatched
from stratascope.value import Value, replace

PlanOf = Callable[[Subject], HardeningPlan | None]  # None: nothing of the container could be read


def derive(
    subject: Subject,
    place: PathOf,
    plan: HardeningPlan | None = None,
    *,
    keep: Collection[str] = (),
    tight: bool = False,
    exercised: bool = False,
) -> Resolved:
    """`plan`: what it begins from; `keep`: toggles that are not touched; `tight`: only what was seen, where a value can
    be that strict.

    `exercised`: somebody put it through what it is for, so that what was seen is all of it, and not what its programs
    could do beside.
    """
    subject = replace(subject, programs=None) if exercised else subject
    wanted = {item.toggle: item for item in choices(Preset.STRICT, subject) if item.id not in keep}
    watched = subject.seen is not None and subject.seen.seen.starts > 0
    left = list(_by_plan(wanted, plan, keep))
    for each in all_toggles():
        against = None if each.id in keep else each.left_off(subject)
        if against is not None:
            wanted.pop(each, None)
            left.append((each.id, against))
            continue
        if not each.learned_words or each.id in keep or not watched:
            continue
        word = each.learned_words[-1 if tight else 0]
        learned = each.learned(word, subject, subject.container.asked)
        if learned is not None and (learned.text or _possible(Choice(each, learned.value), subject)):
            wanted[each] = Choice(each, word)
        # not possible: limits that a rootless engine can't set, of control groups of version 1
        elif learned is not None or each.guessed or waits_for_sessions(subject):
            wanted.pop(each, None)
    found = resolved(tuple(wanted.values()), subject, place)
    why = dict(found.why)
    with_files = replace(subject, files=(*subject.files, *found.files))
    possible = tuple(item for item in found.choices if _possible(item, with_files))
    possible += tuple(_volumes(possible, subject, found, keep))
    told = tuple((item.id, why.get(item.id, item.toggle.what)) for item in possible)
    names = {item.id for item in possible}
    once = {name: why for name, why in reversed(left) if name not in names}
    return Resolved(possible, told, found.files, tuple(reversed(once.items())))


def _by_plan(
    wanted: dict[Toggle, Choice], plan: HardeningPlan | None, keep: Collection[str]
) -> Iterator[tuple[str, Message]]:
    """Puts in what is on in the plan; takes out the grants that are not, and tells of what is used."""
    if plan is None:
        return
    rows = plan.changes
    for row in rows:
        if not row.on and row.kind is ChangeKind.TAKE_BACK:
            wanted.pop(row.choice.toggle, None)
    grants = {row.choice.toggle for row in rows if row.on and row.kind is ChangeKind.TAKE_BACK}
    for item in plan.choices:
        if item.id not in keep and (item.toggle in grants or item.toggle not in wanted):
            wanted[item.toggle] = item
    yield from ((row.choice.id, row.evidence.why) for row in rows if not row.on and row.evidence.used)
    yield from ((item.id, why) for item, why in plan.impossible)


def _volumes(chosen: Collection[Choice], subject: Subject, found: Resolved, keep: Collection[str]) -> Iterator[Choice]:
    """Its own volumes handed over, where files there belong to the user that it is started as no longer."""
    before, own = subject.container.asked, subject.own_volumes or ()
    writable = {mount.target for mount in before.mounts if mount.kind == "volume" and mount.writable}
    subject = replace(subject, files=(*subject.files, *found.files))
    who = identities(before, fold(before, chosen, subject), subject)
    if who is None or writable != {volume.target for volume in own}:
        return
    if who[0].uid != who[1].uid and any(who[0].uid in volume.owners for volume in own):
        yield from (Choice(each, each.offered) for each in all_toggles() if each.hands_over and each.id not in keep)


def _possible(choice: Choice, subject: Subject) -> bool:
    try:
        choice.checked(subject)
    except ToggleError:
        return False
    return True


_NARROW = "capabilities"  # found by trials alone where no observation tells which of them it uses


class TwinObserver(Protocol):
    """Watches twins, and remembers what the one that ran last was seen to use."""

    @property
    def observe(self) -> Observe:
        """For the trials."""

    def seen(self) -> Observation | None:
        """Of the last twin; None where it could not be observed."""

    counts: Counts  # whether a refusal can be a trial's fault
    loosen: Loosen  # what would allow something that was refused

    @property
    def why_not(self) -> Message | None:
        """Why nothing could be observed, if so."""


class Wishes(Value):
    """What a person asks for. `keep`: toggles that are left as they are; `tight`: only what was seen.

    `chosen`: just these are tried, instead of what is derived.
    """

    exercises: Exercises = Exercises()
    repeats: int = REPEATS
    keep: tuple[str, ...] = ()
    tight: bool = False
    chosen: tuple[Choice, ...] = ()


class Tightened(Value):
    """How it ended. `choices`: what works, with why; `tried`: the last trial of it; `needs`: all that was learned.

    `untried`: what the plan suggests, or a person chose, where there can be no twin that shows what works. `calls`: how
    many system calls pass the filter that was found, with some arguments at the least; None: it has none. `repeated`:
    what the unchanged twin was seen doing in the test that all of them pass; None: it was not watched.
    """

    verdict: Verdict
    derived: Resolved
    needs: Needs | None
    trials: int
    seconds: float
    unwatched: Message | None = None  # why it was not observed, if so
    calls: int | None = None
    untried: tuple[Choice, ...] = ()
    repeated: Observation | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        return self.verdict.choices

    @property
    def tried(self) -> Tried | None:
        return self.verdict.last


def found_alone(why: Message) -> Message:
    """That nobody observed, so that trials alone had to find it."""
    return msg("It was not watched, so what it needs was found by trials alone: {why}", why=why)


def tighten(
    access: EngineAccess,
    seen: Look,
    wishes: Wishes,
    twins: TwinObserver | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    plan_of: PlanOf = lambda subject: None,
) -> Iterator[SearchEvent | Tightened]:
    """`seen`: a fresh look; `plan_of`: the plan by what is known by then. The last thing is a `Tightened`; raises
    nothing that an engine can cause, but EngineError where the container can't be looked at.
    """
    observe = unwatched if twins is None else twins.observe
    trials = Trials(access, seen, wishes.exercises, observe, cancelled)
    attempt = Attempt((), Purpose.UNCHANGED, 1 + wishes.repeats)
    yield TrialBegun(1, attempt, None)
    unchanged = trials.run(())
    yield TrialDone(1, Purpose.UNCHANGED, unchanged)
    why_not = None if twins is None else twins.why_not
    if unchanged.works is Works.BREAKS or unchanged.works is Works.UNKNOWN:
        ends = Ends.UNCHANGED_BREAKS if unchanged.works is Works.BREAKS else Ends.CUT_OFF
        yield Tightened(Verdict(ends, last=unchanged), Resolved(()), None, 1, unchanged.seconds, why_not)
        return
    try:
        repeated = twins.seen() if twins is not None and unchanged.works is Works.YES else None
        needs = _learn(access, seen, repeated)
    except NeedsError as error:  # what was seen of it counts, so nothing is tried without
        text = msg("What was learned of it can't be read: {words}. Delete it with stratascope needs {name} --forget, "
                   "or mend it.", words=error.words, name=seen.state.container.name)  # fmt: skip
        refused = replace(unchanged, works=Works.REFUSED, why=text)
        yield Tightened(Verdict(Ends.REFUSED, last=refused), Resolved(()), None, 1, unchanged.seconds, why_not)
        return
    observation = None if needs is None else needs.observation
    files = None if unchanged.pace is None else unchanged.pace.lasting
    elsewhere = needs is not None and needs.elsewhere(seen.state.container.name)
    lasting = () if files is None else files.stay
    subject = replace(seen.subject, seen=observation, elsewhere=elsewhere, lasting=lasting)
    subject = replace(subject, folders=image_folders(access, subject, seen.changes))  # also where only the twin wrote
    trials.know(subject)

    def kept(text: str) -> str:
        path = access.profile_place(text)
        access.keep_profile(path, text)
        return path

    plan = None if wishes.chosen else plan_of(subject)

    def tightest(*kept_toggles: str) -> Resolved:
        found = derive(subject, kept, plan, keep=(*wishes.keep, *kept_toggles), tight=wishes.tight,
                       exercised=bool(wishes.exercises.commands))  # fmt: skip
        can = _able(access, seen, found)
        gone = [item.id for item in found.choices if item.toggle.changes_users and item not in can.choices]
        if not gone:
            return can
        as_root = tightest(*kept_toggles, *gone)  # all else was derived for the other user
        return replace(as_root, left=(*as_root.left, *(each for each in can.left if each[0] in gone)))

    try:
        derived = _able(access, seen, _as_chosen(wishes.chosen, subject, kept)) if wishes.chosen else tightest()
        users = tuple(item.id for item in derived.choices if item.toggle.changes_users)
        users = () if wishes.chosen else users
        # much depends on it, and if it does not work all else has to be as for root
        otherwise = tightest(*users) if users else Resolved(())
    except ToggleError as error:  # of what was chosen: nothing was learned that it could be made of
        refused = replace(unchanged, works=Works.REFUSED, why=error.message)
        yield Tightened(Verdict(Ends.REFUSED, last=refused), Resolved(()), needs, 1, unchanged.seconds, why_not)
        return
    except JournalError as error:
        cut = replace(unchanged, works=Works.UNKNOWN, words=error.words)
        yield Tightened(Verdict(Ends.CUT_OFF, last=cut), Resolved(()), needs, 1, unchanged.seconds, why_not)
        return
    allowing = Allowing(subject, TIGHT if wishes.tight else LEARNED, kept)
    if twins is not None:
        twins.counts, twins.loosen = allowing.counts, allowing
    # who was seen using some, though not from its start, needs more than a trial shows
    known = observation is not None and observation.saw("capabilities")
    found = search(trials, derived.choices, repeats=wishes.repeats, narrow="" if known or wishes.chosen else _NARROW,
                   otherwise=otherwise.choices, unchanged=unchanged)  # fmt: skip
    as_another: Tried | None = None  # the last trial as another user, where that does not work
    for event in found:
        if isinstance(event, TrialBegun):
            allowing.begin(event.attempt.choices)
        broke = isinstance(event, TrialDone) and event.tried.works is Works.BREAKS
        if isinstance(event, TrialDone) and broke and any(item.id in users for item in event.tried.choices):
            as_another = event.tried
        if isinstance(event, Searched):
            changed = any(item.id in users for item in event.verdict.choices)
            of = derived if changed or not users else otherwise
            if as_another is not None and not changed:
                of = replace(of, left=(*of.left, _as_root(access, subject, as_another, allowing)))
            calls = _calls(access, event.verdict.choices)
            planned = derived.choices if plan is None else _kept(plan.choices, wishes.keep)
            untried = planned if event.verdict.ends is Ends.REFUSED else ()
            yield Tightened(event.verdict, of, needs, event.trials, event.seconds, why_not, calls, untried, repeated)
        else:
            yield event


def _kept(choices: Iterable[Choice], keep: Collection[str]) -> tuple[Choice, ...]:
    return tuple(item for item in choices if item.id not in keep)


def _able(access: EngineAccess, seen: Look, found: Resolved) -> Resolved:
    """Without what can't be done here, each with its reason."""
    choices, against = able(access, seen, found.choices)
    return replace(found, choices=choices, left=(*found.left, *((item.id, why) for item, why in against)))


def _as_chosen(chosen: tuple[Choice, ...], subject: Subject, place: PathOf) -> Resolved:
    """Each says what it is for, where nothing was learned of it. Raises ToggleError."""
    found = resolved(chosen, subject, place)
    why = dict(found.why)
    told = tuple((item.id, why.get(item.id, item.toggle.what)) for item in found.choices)
    return replace(found, why=told)


def _as_root(access: EngineAccess, subject: Subject, tried: Tried, allowing: Allowing) -> tuple[str, Message]:
    """Why it still starts as root, and which of its configuration has it do so."""
    item = next(item for item in tried.choices if item.toggle.changes_users)
    lines: tuple[Line, ...] = ()
    with suppress(EngineError):
        lines = lines_of(access, subject, allowing.in_vain)
    return item.id, told(item.value, lines, tried.why)


def _calls(access: EngineAccess, choices: tuple[Choice, ...]) -> int | None:
    path = next((item.value for item in choices if item.id == "seccomp"), None)
    text = None if path is None else access.profile_text(path)
    if text is None:
        return None
    with suppress(DecodeError):
        return len(allowed_names(text))
    return None


def _learn(access: EngineAccess, seen: Look, observed: Observation | None) -> Needs | None:
    """What the unchanged twin used is kept; what was known before counts as well. Raises NeedsError if it can't be
    read.
    """
    container = seen.state.container
    known = access.needs.of(container)
    if observed is not None:
        with suppress(NeedsError):
            return access.needs.add(container, observed)
        known = known or Needs(container.image, container.command)  # the disk is full
        return replace(known, observation=added(known.observation, observed))
    return known


class Setting(Value):
    """One that was tried, or speaks against itself. `choice`: as it works; None: it is left out. `loosened`: another
    value was tried first.

    `tried`: in how many trials it was; those of other values too.
    """

    toggle: str
    choice: Choice | None
    why: tuple[Message, ...]
    loosened: bool
    tried: int


def settings(done: Tightened, trials: Sequence[TrialDone]) -> tuple[Setting, ...]:
    """All that were tried, in the order in which they were, and what was left out before; `trials`: of the same search,
    as they came.
    """
    why, derived = dict(done.derived.why), {item.id: item for item in done.derived.choices}
    works = {item.id: item for item in done.choices}
    tried = [each.tried for each in trials]
    names = dict.fromkeys(item.id for one in tried for item in one.choices)
    found = []
    for name in (*works, *(name for name in names if name not in works)):
        choice = works.get(name)
        with_it = [one for one in tried if any(item.id == name for item in one.choices)]
        if choice is None:
            loosened, told = False, _against(name, with_it)
        else:
            loosened = name in derived and derived[name] != choice
            told = (why.get(name, choice.toggle.what), *(_against(name, with_it) if loosened else ()))
        found.append(Setting(name, choice, told, loosened, len(with_it)))
    found += [Setting(name, None, (against,), False, 0) for name, against in done.derived.left if name not in names]
    return tuple(found)


def _against(name: str, tried: Sequence[Tried]) -> tuple[Message, ...]:
    """What spoke against it: what was refused by it, else why the last trial with it broke."""
    broken = [one for one in tried if one.works in (Works.BREAKS, Works.REFUSED)]
    refused = [
        each.text
        for one in broken
        for each in one.refusals
        if each.loosening is not None and each.loosening.toggle == name
    ]
    if refused:
        return tuple(dict.fromkeys(refused))
    for one in reversed(broken):
        if one.why is not None:
            return (one.why,)
    return (msg("It was found by trials: with it, or with more of it, the copy breaks."),)
