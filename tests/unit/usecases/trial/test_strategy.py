"""What is tried next, against programs that are made up: which sets break them, and what points to which choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Loosening, Tried, Works
from stratascope.layers.toggles import all_toggles, choice_of
from stratascope.usecases.trial.strategy import Attempt, Ends, Purpose, Verdict, strategy

Set = tuple[Choice, ...]
NAMED = ("capabilities", "privileged", "tmpfs", "user")  # those that the tests name beside any others
Answer = Callable[[Set], Tried]


def tried(choices: Set, works: Works, *loosenings: Loosening) -> Tried:
    return Tried(choices, works, 1.0, loosenings=loosenings)


@dataclass
class Run:
    """A strategy carried out to its end."""

    verdict: Verdict
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def purposes(self) -> list[Purpose]:
        return [each.purpose for each in self.attempts]


def carried_out(
    choices: Sequence[Choice], answer: Answer, repeats: int = 3, narrow: str = "", otherwise: Sequence[Choice] = ()
) -> Run:
    plan, attempts = strategy(choices, repeats, narrow=narrow, otherwise=otherwise), []
    attempt = next(plan)
    while True:
        attempts.append(attempt)
        assert len(attempts) < 500
        try:
            attempt = plan.send(answer(attempt.choices))
        except StopIteration as stop:
            return Run(stop.value, attempts)


def toggles(count: int) -> Set:
    return tuple(Choice(each, "on") for each in all_toggles() if each.id not in NAMED)[:count]


def breaks_with(*groups: Set, told: Callable[[Set, Set], tuple[Loosening, ...]] = lambda group, choices: ()) -> Answer:
    """Broken where all of a group are chosen. `told`: what then points where."""

    def answer(choices: Set) -> Tried:
        for group in groups:
            if set(group) <= set(choices):
                return tried(choices, Works.BREAKS, *told(group, choices))
        return tried(choices, Works.YES)

    return answer


def test_what_works_at_once_is_only_repeated() -> None:
    run = carried_out(toggles(20), breaks_with())
    assert run.verdict == Verdict(Ends.FOUND, toggles(20), tried(toggles(20), Works.YES))
    assert run.purposes == [Purpose.UNCHANGED, Purpose.WHOLE, *[Purpose.REPEAT] * 3]
    assert [each.left for each in run.attempts] == [4, 3, 2, 1, 0]


def test_an_unchanged_one_that_breaks_ends_it() -> None:
    run = carried_out(toggles(3), lambda choices: tried(choices, Works.BREAKS))
    assert (run.verdict.ends, run.purposes) == (Ends.UNCHANGED_BREAKS, [Purpose.UNCHANGED])


@pytest.mark.parametrize("helps", [True, False])
def test_another_set_where_the_first_can_t_be_loosened(helps: bool) -> None:
    """What is certain is loosened before; a guess is none of that."""
    user, full, tmp = choice_of("user", "33"), choice_of("tmpfs", "/tmp"), choice_of("tmpfs", "/tmp,/run")
    as_user, as_root = (user, full), (choice_of("capabilities", "CAP_CHOWN"), full)

    def answer(choices: Set) -> Tried:
        if user not in choices or (helps and tmp in choices):
            return tried(choices, Works.YES)
        return tried(choices, Works.BREAKS, Loosening("user"), Loosening("tmpfs", tmp, certain=True))

    run = carried_out(as_user, answer, otherwise=as_root)
    assert run.verdict.ends is Ends.FOUND
    assert run.verdict.choices == ((user, tmp) if helps else as_root)
    assert [each.choices for each in run.attempts[1:3]] == [as_user, (user, tmp)]
    assert len(run.attempts) == (6 if helps else 7)


def test_what_a_refusal_names_is_loosened_in_one_trial() -> None:
    every = (*toggles(10), choice_of("capabilities", "none"))

    def answer(choices: Set) -> Tried:
        given = next((each.value for each in choices if each.id == "capabilities"), "all")
        missing = [name for name in ("CHOWN", "SETUID") if name not in given and given != "all"]
        if not missing:
            return tried(choices, Works.YES)
        wanted = missing[0] if given == "none" else f"{given},{missing[0]}"
        return tried(choices, Works.BREAKS, Loosening("capabilities", choice_of("capabilities", wanted), certain=True))

    run = carried_out(every, answer)
    assert run.verdict.choices == (*toggles(10), choice_of("capabilities", "CHOWN,SETUID"))
    assert run.purposes == [Purpose.UNCHANGED, Purpose.WHOLE, *[Purpose.LOOSENED] * 2, *[Purpose.REPEAT] * 3]


def test_what_is_left_out_for_nothing_comes_back() -> None:
    """The diagnosis is wrong at first."""
    one, two = toggles(6)[1], toggles(6)[4]
    wrong = Loosening(two.id)

    def told(group: Set, choices: Set) -> tuple[Loosening, ...]:
        return (wrong, Loosening(one.id))

    run = carried_out(toggles(6), breaks_with((one,), told=told))
    assert run.verdict.choices == tuple(each for each in toggles(6) if each != one)
    assert Purpose.TIGHTER in run.purposes
    assert Purpose.SEARCH not in run.purposes


def test_a_silent_break_is_found_by_halving() -> None:
    culprit = toggles(26)[17]
    run = carried_out(toggles(26), breaks_with((culprit,)))
    assert run.verdict.choices == tuple(each for each in toggles(26) if each != culprit)
    assert run.purposes.count(Purpose.SEARCH) <= 7


def test_a_capability_that_was_used_and_is_not_needed_goes() -> None:
    every = (*toggles(2), choice_of("capabilities", "CHOWN,KILL,SETUID"))

    def answer(choices: Set) -> Tried:
        given = next((each.value for each in choices if each.id == "capabilities"), "CHOWN,KILL,SETUID")
        return tried(choices, Works.YES if "CHOWN" in given and "SETUID" in given else Works.BREAKS)

    run = carried_out(every, answer, narrow="capabilities")
    assert run.verdict.choices == (*toggles(2), choice_of("capabilities", "CHOWN,SETUID"))
    assert run.purposes.count(Purpose.TIGHTER) == 3
    assert run.purposes[-3:] == [Purpose.REPEAT] * 3


def test_a_set_that_works_only_now_and_then_is_not_found() -> None:
    asked: list[Set] = []

    def answer(choices: Set) -> Tried:
        asked.append(choices)
        return tried(choices, Works.BREAKS if choices and asked.count(choices) == 2 else Works.YES)

    run = carried_out(toggles(1), answer)
    assert run.verdict.ends is Ends.NOTHING
    run = carried_out(toggles(8), answer)
    assert run.verdict.ends is Ends.UNSTEADY


@pytest.mark.parametrize("when", range(5))
def test_an_engine_that_goes_away_cuts_it_off(when: int) -> None:
    left = iter(range(when))

    def answer(choices: Set) -> Tried:
        return tried(choices, Works.YES if next(left, None) is not None else Works.UNKNOWN)

    run = carried_out(toggles(4), answer)
    assert (run.verdict.ends, len(run.attempts)) == (Ends.CUT_OFF, when + 1)


def test_a_twin_that_can_only_be_with_the_choices() -> None:
    """A privileged container has none, one that is no more may."""
    privileged = choice_of("privileged", "off")

    def answer(choices: Set) -> Tried:
        return tried(choices, Works.YES if privileged in choices else Works.REFUSED)

    run = carried_out((privileged, *toggles(3)), answer)
    assert (run.verdict.ends, run.verdict.choices) == (Ends.FOUND, (privileged, *toggles(3)))
    assert carried_out(toggles(3), answer).verdict.ends is Ends.REFUSED
    assert carried_out((), answer).verdict.ends is Ends.REFUSED


@st.composite
def programs(draw: st.DrawFn) -> tuple[Set, tuple[Set, ...], bool, int]:
    """The choices, groups of them that break it, whether what points to them may lie, and the repeats."""
    every = toggles(draw(st.integers(1, 26)))
    groups = st.lists(st.sampled_from(every), min_size=1, max_size=3, unique=True).map(tuple)
    return every, tuple(draw(st.lists(groups, max_size=4))), draw(st.booleans()), draw(st.integers(1, 5))


@given(programs(), st.randoms(use_true_random=False))
def test_the_largest_set_is_found(made: tuple[Set, tuple[Set, ...], bool, int], random: object) -> None:
    every, groups, lies, repeats = made
    import random as plain

    assert isinstance(random, plain.Random)

    def told(group: Set, choices: Set) -> tuple[Loosening, ...]:
        source = choices if lies else group
        chosen = random.sample(source, random.randint(0, min(3, len(source))))
        return tuple(Loosening(each.id, certain=random.random() < 0.5) for each in chosen)

    answer = breaks_with(*groups, told=told)
    run = carried_out(every, answer, repeats)
    found = run.verdict.choices
    assert answer(found).works is Works.YES
    assert set(found) <= set(every)
    assert list(found) == [each for each in every if each in found]
    for left_out in set(every) - set(found):  # each of them breaks it
        assert answer((*found, left_out)).works is Works.BREAKS
    assert run.verdict.ends is (Ends.FOUND if found else Ends.NOTHING)
    if found:
        assert [(each.purpose, each.choices) for each in run.attempts[-repeats:]] == [(Purpose.REPEAT, found)] * repeats
    lost = len(every) - len(found)
    assert len(run.attempts) <= 3 + repeats + 2 * len(every) + 7 * (lost + 1)
