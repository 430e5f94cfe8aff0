"""Every piece of advice of the program is taken, on each engine: it changes what it says, or says that it won't.

What a sentence promises of a threat: it is stopped then, or by more layers. Of a finding: it is gone. advice.txt says
how each sentence is taken, and a sentence that it does not have fails here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from machine.truth.advice import Advice, Bench, Way, better, closed, impossible, no_group_left, table, threat
from machine.truth.advice_said import of_findings, of_threats
from rig.engine import KINDS, Rig, complete, launch
from rig.fixtures import left_out
from rig.plan import USER, ordinary_user
from stratascope.core.snapshot import ContainerState
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.process import parse_status
from stratascope.wiring.engines import open_engines
from stratascope.wiring.hardening import connected

TABLE = table()
OF_THREATS, OF_FINDINGS = of_threats(), of_findings()
QUICK = ("docker_rootful", "podman_rootless")


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as stack:
        rig: Rig = request.getfixturevalue(request.param)
        stack.enter_context(no_group_left())
        engines = stack.enter_context(open_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}))
        held = parse_status(Path("/proc/self/status").read_text()).bounding or 0
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
        yield Bench(rig, engines, connected(engines), CapabilitySet.full(last) - CapabilitySet(held))


def cases(of: Collection[str]) -> list[Any]:
    """Each sentence on each engine that it is for. Quick is what changes nothing on one, and has to say so."""
    return [
        pytest.param(
            kind,
            advice,
            id=f"{kind}-{advice.sentence[:60]}",
            marks=() if kind in QUICK and any(way.mark == "!" for way in advice.ways) else pytest.mark.slow,
        )
        for kind in KINDS
        for advice in TABLE.values()
        if advice.sentence in of and any(way.on(kind, "v1") for way in advice.ways)
    ]


def ways(bench: Bench, advice: Advice) -> list[Way]:
    layout = bench.hardening.accesses[0].ground.cgroup_layout
    return [way for way in advice.ways if way.on(bench.rig.name, layout) and bench.can(way)]


def test_each_sentence_is_tried_or_says_why_not() -> None:
    said = set(OF_THREATS) | set(OF_FINDINGS)
    assert sorted(said - set(TABLE)) == [], "no way in advice.txt to take this"
    assert sorted(set(TABLE) - said) == [], "nothing in the program says this any more"
    assert [each.sentence for each in TABLE.values() if not each.ways and not each.not_here] == []


@pytest.mark.parametrize(("bench", "advice"), cases(OF_THREATS), indirect=["bench"])
def test_of_a_threat(bench: Bench, advice: Advice) -> None:
    for way in ways(bench, advice):
        old, new = bench.state(way.before), bench.state(way.after)
        helped = 0
        for name in OF_THREATS[advice.sentence]:
            before, after = threat(old, name), threat(new, name)
            if impossible(before):
                continue
            what = f"{name}, {way}: {before.outcome} {before.depth}, then {after.outcome} {after.depth}"
            if way.mark == "~":
                assert closed(before), what
                assert closed(after), what
            elif better(before, after):
                assert way.mark == "", what
                helped += 1
            elif way.mark == "":  # of this threat, which is told no advice then; it has to help another
                assert closed(before), what
                assert closed(after), what
        threats = [threat(old, name) for name in OF_THREATS[advice.sentence]]
        assert helped or way.mark or all(map(impossible, threats)), f"{way} helps none"


def codes(state: ContainerState, sentence: str) -> set[str]:
    return {finding.code for finding in state.findings if finding.advice.id == sentence}


@pytest.mark.parametrize(("bench", "advice"), cases(OF_FINDINGS), indirect=["bench"])
def test_of_a_finding(bench: Bench, advice: Advice) -> None:
    for way in ways(bench, advice):
        given = codes(bench.state(way.before), advice.sentence)
        assert given, f"{way.before} does not get this advice"
        left = codes(bench.state(way.after), advice.sentence)
        assert left == (given if way.mark else set()), f"{way.before} -> {way.after}"


# The options that findings name, and the toggle that does the same
NAMED = {
    "--memory": "memory",
    "--pids-limit": "pids",
    "--cpus": "cpus",
    "--read-only": "read-only-root",
    "no-new-privileges": "no-new-privileges",
    "--privileged": "privileged",
    "--cap-add": "capabilities",
    "--pid host": "pid",
    "--uts host": "uts",
    "--cgroupns private": "cgroupns",
    "seccomp=unconfined": "seccomp",
    "(--user)": "user",
    "or with --userns=auto": "userns",
    "Use --userns=auto": "userns",
}
NEEDY = ("", "--privileged", "seccomp=unconfined --cap-add NET_ADMIN --uts host")


@pytest.mark.parametrize("bench", left_out(*QUICK), indirect=True)
def test_what_a_finding_names_is_offered_there(bench: Bench) -> None:
    ignored = bench.rig.rootless and bench.hardening.accesses[0].ground.cgroup_layout != "v2"
    for text in NEEDY:
        with bench.rig.container(*bench.options(text)) as container:
            state = bench.hardening.accesses[0].read(container)
            assert state is not None
            offered = {each.toggle.id: each for each in bench.hardening.hardening.offer(state).options}
        named = {toggle for each in state.findings for word, toggle in NAMED.items() if word in each.advice.id}
        assert named
        if state.container.asked.privileged:  # which overrides some of the others, as they say
            named = {each for each in named if not offered[each].toggle.overridden}
        for toggle in named:
            assert offered[toggle].why_not is None, f"{text}: {toggle}"
            assert not offered[toggle].already, f"{text}: {toggle}"
        for toggle in ("memory", "pids", "cpus"):
            assert (offered[toggle].why_not is not None) is ignored


def test_different_users_are_kept_from_each_others_memory_and_descriptors(any_engine: Rig) -> None:
    look = (
        "for it in /proc/1/mem /proc/1/fd/0; do if (exec 3<$it) 2>/dev/null; then echo open; else echo shut; fi; done"
    )
    with any_engine.container("--user", "1000", "--cap-drop", "ALL") as container:
        assert any_engine.said(container, "sh", "-c", look).split() == ["open", "open"]
        found = any_engine.run("exec", "--user", "1001", container, "sh", "-c", look)
        assert found.split() == ["shut", "shut"]


def test_write_access_to_a_device_is_taken_where_it_is_said(any_engine: Rig) -> None:
    wants = ("sh", "-c", "if (exec 3>/dev/fuse) 2>/dev/null; then echo open; else echo shut; fi")
    with any_engine.container("--device", "/dev/fuse:/dev/fuse:r") as container:
        assert any_engine.said(container, *wants) == ("open" if any_engine.rootless else "shut")


def test_userns_auto_takes_what_the_sentence_says(podman_rootful: Rig) -> None:
    aside = any(line.startswith("containers:") for line in Path("/etc/subuid").read_text().splitlines())
    with ExitStack() as stack:
        if not aside:
            stack.enter_context(pytest.raises(AssertionError, match="not enough unused IDs"))
        stack.enter_context(podman_rootful.container("--userns", "auto"))


@pytest.mark.slow
@pytest.mark.engines
def test_docker_with_userns_remap() -> None:
    """What is advised for Docker of root, on a daemon that has it; and to leave out what takes it back."""
    remap = "Run it rootless, or set userns-remap for the whole daemon: Docker can't do it for one container."
    back = "Start it without --userns host."
    ordinary_user()
    rig = launch("docker_rootful", options=("--userns-remap", USER))
    try:
        complete(rig)
        with open_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"}) as engines:
            bench = Bench(rig, engines, connected(engines), CapabilitySet())
            assert codes(bench.state("--userns host"), back) == {"usermap.host-root"}
            assert not codes(bench.state(""), back)
            assert not codes(bench.state(""), remap)
    finally:
        rig.close()
