"""What is weighed against what: the kernel before the log, who asked for it before both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Asked, Status
from stratascope.core.message import msg
from stratascope.core.refusals.ended.ending import End, Phase, Source, facts, headline
from stratascope.core.refusals.ended.why import causes, meaning, phase_of
from stratascope.core.refusals.refusal import Claim, Refusal, Strength
from stratascope.core.relaunch.evidence import Failure, Liveness
from stratascope.core.relaunch.want import MoreOf
from stratascope.i18n.translate import translate
from stratascope.value import replace

ENDED = End(Status.EXITED, exit_code=1, begun=10.0, ended=20.0)
NOTHING = Liveness()
LATER = 1000.0
LOG = "touch: /x: Read-only file system\nchown: /etc: Operation not permitted\n"
FEW = Asked(read_only_root=True, capabilities=(), memory=1 << 20)
DENIED = Refusal("key", 1.0, 1.0, 1, 7, 1, "sh", msg("Call {name}", name="mount"), "mount()", "mount", (), "", "EPERM",
                Claim("capabilities", msg("It lacks SYS_ADMIN."), Strength.SAID), ended=True)  # fmt: skip


def layers(end: End, log: str = LOG, refusals: tuple[Refusal, ...] = (), counted: Liveness = NOTHING) -> list[str]:
    return [cause.claim.layer for cause in causes(end, FEW, log, refusals, None, counted)]


def test_the_last_sentence_counts_and_others_are_told() -> None:
    found = causes(ENDED, FEW, LOG)
    assert [cause.claim.layer for cause in found] == ["capabilities", "namespaces"]
    assert not any(cause.certain for cause in found)
    assert "The last line" in translate(found[0].reason)
    assert found[0].evidence == "chown: /etc: Operation not permitted"


def test_the_kernel_before_the_log() -> None:
    assert layers(replace(ENDED, exit_code=137, out_of_memory=True))[0] == "cgroup"
    assert layers(replace(ENDED, exit_code=159))[0] == "seccomp"
    assert layers(replace(ENDED, exit_code=153))[0] == "cgroup"
    assert layers(replace(ENDED, status=Status.RUNNING), counted=Liveness(kills=2))[0] == "cgroup"
    found = causes(replace(ENDED, status=Status.RUNNING), Asked(pids=9), LOG, counted=Liveness(forks=4))[0]
    assert (found.certain, found.claim.wants) == (True, (MoreOf("pids", 9),))


def test_a_refusal_that_was_seen_before_the_log() -> None:
    found = causes(ENDED, FEW, LOG, (DENIED,))
    assert found[0].claim == DENIED.claim
    assert found[0].certain
    assert layers(ENDED, LOG, (replace(DENIED, benign=True),))[0] == "capabilities"
    assert causes(ENDED, FEW, LOG, (replace(DENIED, ended=False),))[0].claim != DENIED.claim


def test_who_asked_for_it_before_all() -> None:
    stopped = replace(ENDED, exit_code=137, requested=True, sent=(15, 9))
    found = causes(stopped, FEW, LOG)
    assert [cause.claim.layer for cause in found] == ["engine"]
    assert "SIGTERM, SIGKILL" in translate(found[0].claim.what)


def test_killed_by_whom_is_a_guess() -> None:
    found = causes(replace(ENDED, exit_code=137, requested=False), FEW, "")[0]
    assert (found.claim.layer, found.certain) == ("kernel", False)
    assert "neither by its engine" in translate(found.claim.what)
    unknown = causes(replace(ENDED, exit_code=137, requested=None), FEW, "")[0]
    assert "neither by its engine" not in translate(unknown.claim.what)


def test_a_fault_is_told_after_what_the_log_says() -> None:
    assert layers(replace(ENDED, exit_code=134), "terminate called after throwing std::bad_alloc")[0] == "cgroup"
    assert layers(replace(ENDED, exit_code=139), "") == ["program"]


def test_what_did_not_start_is_its_engines_to_tell() -> None:
    end = End(Status.CREATED, "no idea", 128)
    found = causes(end, FEW, LOG)
    assert [cause.claim.layer for cause in found] == ["engine"]
    assert found[0].evidence == "no idea"


def test_what_ended_well_has_no_cause() -> None:
    assert causes(replace(ENDED, exit_code=0), FEW, LOG) == ()


@pytest.mark.parametrize(
    ("end", "phase"),
    [
        (End(Status.CREATED), Phase.NOT_TRIED),
        (End(Status.CREATED, "words", 127), Phase.NEVER_STARTED),
        (End(Status.EXITED, "words", 127, begun=1.0), Phase.NEVER_STARTED),
        (ENDED, Phase.EXITED),
        (End(Status.DEAD, exit_code=1, begun=1.0), Phase.EXITED),
        (End(Status.RESTARTING, exit_code=1, begun=1.0), Phase.RESTARTING),
        (replace(ENDED, again=True, restarts=3), Phase.RESTARTING),  # Podman says no more
        (replace(ENDED, again=True, restarts=3, requested=True), Phase.EXITED),
        (End(Status.RUNNING, begun=1.0), Phase.RUNNING),
        (End(Status.PAUSED, begun=1.0), Phase.RUNNING),
        (End(Status.RUNNING, begun=LATER - 2, again=True, restarts=3), Phase.RESTARTING),  # between two ends
        (End(Status.RUNNING, begun=LATER - 60, again=True, restarts=3), Phase.RUNNING),
        (End(Status.RUNNING, begun=LATER - 2, again=True), Phase.RUNNING),  # its first run
    ],
)
def test_how_far_it_came(end: End, phase: Phase) -> None:
    assert phase_of(end, LATER) is phase
    assert translate(headline(end, phase))


def test_facts_say_who_says_them() -> None:
    end = replace(ENDED, exit_code=137, out_of_memory=True, restarts=2)
    found = facts(end, Phase.EXITED, ["a", "last", ""], (DENIED,), NOTHING)
    assert [fact.source for fact in found] == [
        Source.KERNEL, Source.KERNEL, Source.ENGINE, Source.ENGINE, Source.WATCHED, Source.LOG,
    ]  # fmt: skip
    assert translate(found[-1].text) == "Its last output: last"
    assert "10 seconds" in translate(found[2].text)


def test_a_replacement_that_failed_is_told_by_the_same_knowledge() -> None:
    found = meaning(Failure(words="unable to find user nosuch: no matching entries in passwd file"), Asked())
    assert found is not None
    assert found.claim.layer == "image"
    assert meaning(Failure(log="hello", exit_code=1), Asked()) is None


@given(st.text(max_size=300), st.text(max_size=300), st.integers(-5, 400), st.booleans())
def test_nothing_foreign_fails(words: str, log: str, code: int, killed: bool) -> None:
    end = End(Status.EXITED, words, code, killed, 1.0, 2.0)
    for cause in causes(end, FEW, log):
        assert translate(cause.claim.what)
    facts(end, phase_of(end, LATER), log.splitlines(), (), Liveness(kills=1, forks=2))
