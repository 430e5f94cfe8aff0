"""Words instead of values: what they come to by what was seen, and why they come to nothing."""

from __future__ import annotations

import json

import pytest

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.layer import CallSource
from stratascope.core.message import Message
from stratascope.core.observation.imports import Programs
from stratascope.core.observation.observation import Observation, Seen, UsedArguments, UsedCall, UsedCapability
from stratascope.core.relaunch.toggle import Subject, ToggleError
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import MeasuredDefault, ProfileFilter
from stratascope.layers.toggles import all_toggles, choice_of
from stratascope.linux.seccomp import SeccompMode
from stratascope.usecases.plan.choices import Resolved, resolved
from stratascope.usecases.plan.suggested import planned_value
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject

SEEN = Observation(
    Seen(30.0, 1),
    (UsedCapability("CAP_CHOWN", True, 2, ("web",)), UsedCapability("CAP_SYS_ADMIN", True, 2, ("web",))),
    (UsedCall("x86_64", "openat", 40, ("web",)), UsedCall("x86_64", "chown", 1, ("web",))),
    peaks=(("memory", 100 * 2.0**20), ("pids", 3.0)),
)
FACTS = SeccompFacts(
    SeccompMode.FILTER,
    1,
    ProfileKind.DEFAULT,
    CallSource.MEASURED,
    "status",
    default=MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset(("CAP_CHOWN",))),
)


def watched(seen: Observation | None = SEEN) -> Subject:
    """A container of Docker's with its default settings."""
    return replace(subject(default(DOCKER), memory_total=8 << 30), facts=(("seccomp", FACTS),), seen=seen)


def of(*choices: tuple[str, str], seen: Observation | None = SEEN) -> Resolved:
    """What the choices come to."""
    return resolved([choice_of(*each) for each in choices], watched(seen), lambda text: f"/kept/{len(text)}.json")


def test_values_stay_as_they_are() -> None:
    """Nothing is asked of what was seen where nobody says so; of two for one toggle the last counts."""
    found = of(("memory", "1g"), ("memory", "2g"), seen=None)
    assert found == Resolved((choice_of("memory", "2g"),))


def test_words_become_values_and_say_why() -> None:
    """Of capabilities only what it has: what is used by another right is not given."""
    found = of(("capabilities", "learned"), ("memory", "learned"), ("pids", "learned"))
    assert {item.id: item.value for item in found.choices} == {
        "capabilities": "CAP_CHOWN",
        "memory": str(448 << 20),
        "pids": "256",
    }
    assert "CHOWN (web)" in translate(dict(found.why)["capabilities"])
    assert found.files == ()


@pytest.mark.parametrize(("flags", "used"), [(0x11, False), (0x10000011, True)])
def test_a_filter_that_stops_its_namespaces_is_not_free(flags: int, used: bool) -> None:
    """clone(2) passes the default filter, but not for a new user namespace, which browsers and bwrap make."""
    seen = replace(SEEN, calls=(UsedCall("x86_64", "clone", 2, ("web",)),),
                   arguments=(UsedArguments("x86_64", "clone", (flags,)),))  # fmt: skip
    assert choice_of("seccomp", "default").evidence(watched(seen)).used is used


def test_a_filter_is_a_file_for_all_else_that_is_wanted() -> None:
    """It is made for the capabilities of the same choices, wherever they stand among them."""
    found = of(("seccomp", "learned"), ("capabilities", "none"), ("no-new-privileges", "on"))
    ((path, text),) = found.files
    assert choice_of("seccomp", path) in found.choices
    names = {
        name for rule in json.loads(text)["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]
    }
    assert "chown" in names
    assert "chroot" not in names
    ((_, tight),) = of(("seccomp", "tight"), ("no-new-privileges", "on")).files
    assert len(tight) < len(text)


@pytest.mark.parametrize("known", [True, False])
def test_a_filter_of_its_own_is_not_widened(known: bool) -> None:
    """Nothing is derived where what it refuses is not known."""
    own = json.dumps(
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["openat"], "action": "SCMP_ACT_ERRNO"}]}
    )
    origin = ProfileFilter(own, "own.json", frozenset(("CAP_CHOWN",)), (6, 18), "x86_64") if known else None
    of_its_own = replace(FACTS, profile=ProfileKind.CUSTOM, origin=origin)
    container = watched().container
    container = replace(container, asked=replace(container.asked, seccomp=ProfileKind.CUSTOM))
    place = replace(watched(), container=container, facts=(("seccomp", of_its_own),))
    if not known:
        with pytest.raises(ToggleError):
            resolved([choice_of("seccomp", "learned")], place, lambda text: "/kept.json")
        return
    ((_, text),) = resolved([choice_of("seccomp", "learned")], place, lambda text: "/kept.json").files
    names = {
        name for rule in json.loads(text)["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]
    }
    assert "read" in names
    assert "openat" not in names


def test_what_uses_none_gets_none() -> None:
    """A start was seen, and no capability was asked for in it."""
    assert of(("capabilities", "learned"), seen=replace(SEEN, capabilities=())).choices == (
        choice_of("capabilities", "none"),
    )


def _why(*choices: tuple[str, str], seen: Observation | None) -> Message:
    with pytest.raises(ToggleError) as error:
        of(*choices, seen=seen)
    return error.value.message


def test_too_little_was_seen() -> None:
    """Never watched; never at its start; that part could not be observed."""
    assert "Nothing was learned" in translate(_why(("capabilities", "learned"), seen=None))
    late = replace(SEEN, seen=replace(SEEN.seen, starts=0))
    assert "No start" in translate(_why(("capabilities", "learned"), seen=late))
    blind = replace(SEEN, unseen=(("capabilities", "no tracefs"), ("calls", "no tracefs")))
    assert "says nothing" in translate(_why(("capabilities", "learned"), seen=blind))
    assert "says nothing" in translate(_why(("seccomp", "learned"), seen=blind))


@pytest.mark.parametrize("program", ["redis-server", "mariadbd", "postgres"])
def test_no_limit_for_what_keeps_data_in_memory(program: str) -> None:
    """What it takes tomorrow can't be seen today."""
    seen = replace(SEEN, calls=(UsedCall("x86_64", "openat", 40, (program,)),))
    assert "says nothing" in translate(_why(("memory", "learned"), seen=seen))
    assert of(("pids", "learned"), seen=seen).choices == (choice_of("pids", "256"),)


@pytest.mark.parametrize(("asked", "more"), [(None, "256"), (512, ""), (100, "")])
def test_a_limit_that_somebody_set_stays(asked: int | None, more: str) -> None:
    """The plan that was just put in force is not followed by a tighter one."""
    of = watched()
    container = replace(of.container, asked=replace(of.container.asked, pids=asked))
    which = next(each for each in all_toggles() if each.id == "pids")
    assert planned_value(which, replace(of, container=container)) == more


def test_half_of_the_machine_is_no_limit() -> None:
    """Twice of its peak would be more than that."""
    seen = replace(SEEN, peaks=(("memory", 3.0 * 2**30),))
    assert "says nothing" in translate(_why(("memory", "learned"), seen=seen))


@pytest.mark.parametrize(("seconds", "value"), [(0.0, "ordinary"), (17.0, "ordinary"), (7200.0, "learned")])
def test_a_short_watch_as_a_trial_s_takes_nothing_out_of_the_plan(seconds: float, value: str) -> None:
    """What it was seen calling in a quarter of a minute is not all that it calls."""
    subject = replace(watched(), programs=Programs())
    subject = replace(subject, seen=replace(SEEN, seen=Seen(seconds, 1)) if seconds else None)
    assert planned_value(next(each for each in all_toggles() if each.id == "seccomp"), subject) == value
