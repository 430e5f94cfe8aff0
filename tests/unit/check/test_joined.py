"""Containers of one text that are in one another's namespaces: with whom, and what that lets them do."""

from __future__ import annotations

from typing import Any

import pytest

from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.usecases.check.check import Checker

OTHERS = "enter-foreign-process"


def judged(made: Checker, text: str, file: str = "compose.yml") -> dict[str, ContainerState]:
    snapshot = made.text(text, file, 0.0).snapshot
    assert snapshot is not None
    return {state.container.name: state for state in snapshot.containers}


def fact(state: ContainerState, kind: str) -> tuple[bool | None, tuple[str, ...] | None] | None:
    """Whether it is the host's, and who else is in it."""
    facts: Any = next(layer.facts for layer in state.layers if layer.id == "namespaces")
    found = getattr(facts, kind)
    return None if found is None else (found.shared_with_host, found.shared_with)


def outcome(state: ContainerState, threat: str = OTHERS) -> Outcome | None:
    found = None if state.matrix is None else state.matrix.of(threat)
    return None if found is None else found.outcome


def test_both_sides_know_of_each_other(made: Checker) -> None:
    found = judged(
        made,
        """\
services:
  web: {image: a, user: root}
  debug:
    image: b
    user: root
    network_mode: service:web
    pid: service:web
  alone: {image: c, user: root}
""",
    )
    assert fact(found["web"], "pid") == (False, ("debug",))
    assert fact(found["debug"], "pid") == fact(found["debug"], "net") == (False, ("web",))
    assert fact(found["alone"], "pid") == (False, ())
    assert fact(found["web"], "ipc") == (False, ())
    assert (outcome(found["web"]), outcome(found["debug"])) == (Outcome.OPEN, Outcome.OPEN)
    assert outcome(found["alone"]) is Outcome.STOPPED
    by_line = {finding.source: finding.code for finding in found["debug"].findings if "shared" in finding.code}
    assert set(by_line) <= {"compose.yml:6", "compose.yml:7"}, "the line that asks for it"


def test_what_the_others_hold_decides(made: Checker) -> None:
    """Into one that holds more, nobody gets by ptrace alone; root with the same rights does."""
    weak = "{image: a, user: root, cap_drop: [ALL], pid: 'service:strong'}"
    text = f"services:\n  strong: {{image: a, user: root}}\n  weak: {weak}\n"
    found = judged(made, text)
    assert outcome(found["weak"]) is Outcome.STOPPED
    assert outcome(found["strong"]) is Outcome.OPEN


def test_a_chain_leads_to_whose_it_is(made: Checker) -> None:
    text = """\
services:
  a: {image: a, user: root}
  b: {image: a, user: root, pid: "service:a"}
  c: {image: a, user: root, pid: "service:b"}
  h: {image: a, user: root, pid: host}
  i: {image: a, user: root, pid: "service:h"}
"""
    found = judged(made, text)
    assert [fact(found[name], "pid") for name in "abc"] == [
        (False, ("b", "c")),
        (False, ("a", "c")),
        (False, ("a", "b")),
    ]
    assert fact(found["i"], "pid") == fact(found["h"], "pid")
    assert outcome(found["i"], "see-host-processes") is outcome(found["h"], "see-host-processes") is Outcome.OPEN


@pytest.mark.parametrize("other", ["service:b", "service:a", "container:elsewhere"])
def test_in_a_circle_or_outside_it_is_not_known(made: Checker, other: str) -> None:
    text = f"services:\n  a: {{image: a, pid: '{other}'}}\n  b: {{image: a, pid: 'service:a'}}\n"
    found = judged(made, text)
    assert fact(found["a"], "pid") is fact(found["b"], "pid") is None
    assert outcome(found["a"], "see-host-processes") is Outcome.UNKNOWN


def test_run_commands_join_by_name(made: Checker) -> None:
    text = "docker run --name web --user 0 a\ndocker run --name other --user 0 --pid container:web --ipc host b\n"
    found = judged(made, text, "start.sh")
    assert fact(found["web"], "pid") == (False, ("other",))
    assert fact(found["other"], "pid") == (False, ("web",))
    assert fact(found["other"], "ipc") == (True, ())


def test_a_pod_shares_what_it_always_does_and_its_processes_where_it_says_so(made: Checker) -> None:
    text = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - {name: a, image: a, securityContext: {runAsUser: 0}}
    - {name: b, image: b, securityContext: {runAsUser: 1000, capabilities: {drop: [ALL]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: q}
spec:
  containers: [{name: c, image: a, securityContext: {runAsUser: 0}}]
"""
    apart = judged(made, text, "pod.yml")
    assert fact(apart["p-a"], "net") == fact(apart["p-a"], "ipc") == (False, ("p-infra", "p-b"))
    assert fact(apart["p-a"], "pid") == (False, ())
    assert outcome(apart["p-a"]) is Outcome.STOPPED
    assert fact(apart["q-c"], "uts") == (False, ("q-infra",))
    together = judged(made, text.replace("spec:\n", "spec:\n  shareProcessNamespace: true\n"), "pod.yml")
    assert fact(together["p-a"], "pid") == (False, ("p-infra", "p-b"))
    assert outcome(together["p-a"]) is outcome(together["q-c"]) is Outcome.OPEN
    assert outcome(together["p-b"]) is Outcome.STOPPED
    hosts = judged(made, text.replace("spec:\n", "spec:\n  hostNetwork: true\n"), "pod.yml")
    assert fact(hosts["p-a"], "net") == (True, ())


def test_what_nobody_knows_of_the_other_one_is_not_known(made: Checker) -> None:
    """As root it would hold more than this one, as anybody else nothing."""
    found = judged(made, "services:\n  a: {image: a}\n  b: {image: b, user: '1000', pid: 'service:a'}\n")
    assert fact(found["b"], "pid") == (False, ("a",))
    assert outcome(found["b"]) is Outcome.UNKNOWN
