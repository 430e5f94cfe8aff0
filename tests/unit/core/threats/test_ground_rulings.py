"""What the ground says to needs, from settings and features as they are on real hosts."""

from __future__ import annotations

from typing import Any

import pytest

from stratascope.core.ground import FEATURES, UNREAD, Ground
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.ground_rulings import ground_ruling, holds
from stratascope.core.threats.needs import Allowed, Feature, Need, NewUserNamespace, NotLockedDown, Setting, Shares
from stratascope.core.threats.threat import Stance
from stratascope.i18n.translate import translate
from stratascope.value import replace

STOPS, LETS, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
YAMA = Setting("kernel.yama.ptrace_scope", ("3",))
LEVELS = ("none", "integrity", "confidentiality")


def ground(*settings: tuple[str, str], **fields: Any) -> Ground:
    return replace(UNREAD, kernel="6.12", sysctls=settings, **fields)


CASES: tuple[tuple[Need, Ground, Stance, str], ...] = (
    (Feature("io_uring"), ground(features=(("io_uring", True),)), LETS, "This kernel has io_uring."),
    (Feature("io_uring"), ground(features=(("io_uring", False),)), STOPS,
     "Impossible here: this kernel lacks io_uring."),
    (Feature("io_uring"), ground(), UNKNOWN, "Whether this kernel has io_uring could not be determined."),
    (Allowed(YAMA), ground((YAMA.name, "3")), STOPS,
     "The host forbids it to everyone, including root: kernel.yama.ptrace_scope is 3."),
    (Allowed(YAMA), ground((YAMA.name, "1")), LETS,
     "The host's setting kernel.yama.ptrace_scope is 1, and does not forbid it."),
    (Allowed(YAMA), ground(lacking=(YAMA.name,)), LETS,
     "This kernel has no setting kernel.yama.ptrace_scope that could forbid it."),
    (Allowed(replace(YAMA, absent=True)), ground(lacking=(YAMA.name,)), STOPS,
     "This kernel has no setting kernel.yama.ptrace_scope that would allow it."),
    (Allowed(YAMA), ground(), UNKNOWN, "The host's setting kernel.yama.ptrace_scope could not be read."),
    (NewUserNamespace(), ground(("user.max_user_namespaces", "0")), STOPS,
     "The host forbids it to everyone, including root: user.max_user_namespaces is 0."),
    (NewUserNamespace(), ground(("user.max_user_namespaces", "7858")), LETS,
     "The host's setting user.max_user_namespaces is 7858, and does not forbid it."),
    (NotLockedDown("integrity"), ground(), UNKNOWN, "Whether the kernel is locked down could not be read."),
    (NotLockedDown("integrity"), ground(lsms=("capability", "bpf")), LETS,
     "Kernel lockdown is not part of this kernel, or not active."),
    (NotLockedDown("integrity"), ground(lsms=("lockdown", "capability")), UNKNOWN,
     "Whether the kernel is locked down could not be read."),
    (NotLockedDown("integrity"), ground(lockdown="none"), LETS, "The kernel is not locked down."),
    (NotLockedDown("integrity"), ground(lockdown="integrity"), STOPS,
     "The kernel is locked down (integrity): not even root can do this."),
    (NotLockedDown("confidentiality"), ground(lockdown="integrity"), LETS,
     "The kernel is locked down (integrity), which still permits this."),
)  # fmt: skip


@pytest.mark.parametrize(("need", "host", "stance", "words"), CASES)
def test_rulings(need: Need, host: Ground, stance: Stance, words: str) -> None:
    ruling = ground_ruling(need, host)
    assert ruling is not None
    assert (ruling.stance, translate(ruling.reason)) == (stance, words)
    assert ruling.source
    assert ruling.hinges == frozenset()


def test_lockdown_forbids_more_with_each_level() -> None:
    stances = [[ground_ruling(NotLockedDown(need), ground(lockdown=level)) for need in LEVELS[1:]] for level in LEVELS]
    assert [[ruling.stance for ruling in row if ruling] for row in stances] == [
        [LETS, LETS],
        [STOPS, LETS],
        [STOPS] * 2,
    ]


def test_every_feature_has_its_words_and_a_source() -> None:
    for name in FEATURES:
        ruling = ground_ruling(Feature(name), ground(features=((name, False),)))
        assert ruling is not None
        assert ruling.stance is STOPS
        assert ruling.source


def test_what_is_a_layers_job_is_not_the_grounds() -> None:
    assert ground_ruling(Shares("pid"), ground()) is None


def test_every_need_of_the_catalogue_that_is_the_grounds_is_answered() -> None:
    own = [need for need in needs_of(all_threats()) if isinstance(need, Feature | Allowed | NotLockedDown)]
    assert len(own) > 10
    assert all(ground_ruling(need, UNREAD) is not None for need in own)


@pytest.mark.parametrize(
    ("host", "held"),
    [
        (ground((YAMA.name, "3")), True),
        (ground((YAMA.name, "0")), False),
        (ground(lacking=(YAMA.name,)), False),
        (ground(), None),
        (UNREAD, None),
    ],
)
def test_whether_a_setting_holds(host: Ground, held: bool | None) -> None:
    assert holds(YAMA, host) is held
    absent = replace(YAMA, absent=True)
    assert holds(absent, host) is (True if YAMA.name in host.lacking else held)
