"""The observer by the ways to root: on real containers of Docker and Podman, and by those who lie in its place."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from rig.collector.asking import wait_for
from rig.collector.watching import Watch, group
from rig.engine import Rig
from rig.probe.scripts import PASS, script
from stratascope.collector.filters import why_not
from stratascope.core.observation.events import (
    Begin,
    Call,
    Check,
    End,
    Event,
    Failed,
    Listens,
    Lost,
    Process,
    Unseen,
    Written,
)
from stratascope.core.observation.fold import is_use
from stratascope.core.ports import ProbeError
from stratascope.i18n.translate import translate
from stratascope.linux.capability import name_of
from stratascope.probe.helper.elevated import ElevatedProber, ways
from stratascope.probe.helper.install import helper_text
from stratascope.probe.observer import Observation, ObservationTarget, observe

needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")
WAIT = """sed -n '/"answers": {}/q'"""  # until the request has come
HELLO = '{"stratascope":"collector","protocol":5,"barred":""}'


def observing(watched: ObservationTarget) -> tuple[Observation, list[ElevatedProber]]:
    told: list[ElevatedProber] = []
    return observe(ways(os.environ), watched, started=told), told


@needs_root
def test_a_container_with_its_sessions(hybrid_engine: Rig) -> None:
    """What `exec` runs is told like the rest; nothing of the engine's is, and nothing is left."""
    with hybrid_engine.container("--cap-add", "SYS_CHROOT") as name:
        first = hybrid_engine.pid(name)
        watch = Watch(ObservationTarget(first, container=name))
        script = (
            "touch /written; chown 5 /written; mkdir /tmp/x /run/y; rm -r /run/y; chroot / true; unshare -n true; "
            "httpd -p 80 -h /tmp; sleep 3600"
        )
        threading.Thread(
            target=hybrid_engine.run, args=("exec", name, "sh", "-c", script), kwargs={"check": False}
        ).start()
        wait_for(lambda: {"/written", "/tmp/x", "/run"} <= {event.path for event in watch.of(Written)})
        wait_for(lambda: watch.of(Listens))
        wait_for(lambda: any(event.number == 272 for event in watch.of(Failed)))  # unshare
        watch.close()
    assert [event.pid for event in watch.of(Process) if event.how == "there"] == [first]
    ports = {(event.protocol, event.port, event.loopback) for event in watch.of(Listens)}
    assert ports == {("tcp", 80, False)}
    assert {event.path for event in watch.of(Written)} <= {"/written", "/tmp/x", "/tmp", "/run"}
    (exec_,) = [event for event in watch.of(Process) if event.how == "exec" and event.program.endswith("/sh")]
    shell, begun = exec_.pid, exec_.at  # the runtime has executed itself before, as the same process
    mine = {shell}
    for event in watch.of(Process):
        if event.how == "fork" and event.parent in mine:
            mine.add(event.pid)
    checks = [event for event in watch.of(Check) if event.pid in mine and event.at > begun and is_use(event)]
    plain = [event for event in checks if not any(name.startswith("ovl_") for name in event.frames)]
    uses = {name_of(event.capability) for event in plain}
    port = {"CAP_NET_BIND_SERVICE"} if hybrid_engine.kind == "podman" else set()
    assert uses == {"CAP_SYS_CHROOT"} | port, plain
    assert "CAP_CHOWN" in {name_of(event.capability) for event in checks}
    (refused,) = {event.entered for event in watch.of(Failed) if event.number == 272}
    assert refused == (hybrid_engine.kind == "podman"), (
        "Docker's filter stops it, Podman's lets it through to the check"
    )
    assert watch.of(Lost) == []


@needs_root
def test_a_container_that_ends(hybrid_engine: Rig) -> None:
    with hybrid_engine.container() as name:
        watch = Watch(ObservationTarget(hybrid_engine.pid(name), container=name))
        hybrid_engine.remove(name)
        watch.wait()
    assert [event.why for event in watch.of(End)] == ["the container has ended"]


@needs_root
def test_the_time_is_over_in_the_middle_of_a_flood(hybrid_engine: Rig) -> None:
    """What forks and is refused without end fills the pipe, so that it ends within a line: that is told to its end."""
    storm = "while :; do sh -c 'while :; do mkdir /new & done'; done 2> /dev/null"
    with hybrid_engine.container("--read-only", "--pids-limit", "30", command=("sh", "-c", storm)) as name:
        observation, _ = observing(ObservationTarget(hybrid_engine.pid(name), container=name, seconds=3))
        events: list[Event] = []
        slow = time.monotonic() + 5  # until its time is over, and a bit
        for event in observation:
            events.append(event)
            if len(events) % 500 == 0 and time.monotonic() < slow:
                time.sleep(0.1)  # what comes is faster
    assert [event.why for event in events if isinstance(event, End)] == ["the time is over"]
    refused = {event.errno for event in events if isinstance(event, Failed)}
    assert {errno.EROFS, errno.EAGAIN} <= refused, "mkdir and clone"


@needs_root
def test_one_without_a_group_of_its_own_is_watched_too(podman_rootless: Rig) -> None:
    """A rootless engine without systemd makes none; who comes in is looked for once a second."""
    with podman_rootless.container() as name:
        before = Path(f"/proc/{podman_rootless.pid(name)}/cgroup").read_text()
        watch = Watch(ObservationTarget(podman_rootless.pid(name), container=podman_rootless.inspect(name)["Id"]))
        podman_rootless.run("exec", name, "sh", "-c", "sleep 2; mkdir /tmp/made")
        watch.close()
        after = Path(f"/proc/{podman_rootless.pid(name)}/cgroup").read_text()
    assert {event.number for event in watch.of(Call)} & {83, 258}, "mkdir or mkdirat"
    assert not [event for event in watch.of(Unseen) if event.what == "everything"]
    assert after == before


@needs_root
def test_by_pkexec_and_by_the_helper_alike(programs: Path) -> None:
    helper = programs.parent / "helper"
    script(programs, "pkexec", f'echo "$1" >> {programs}/said; {PASS}')
    for _ in range(2):
        observation, _ = observing(ObservationTarget(os.getpid(), start="1"))
        assert [type(event) for event in observation] == [Begin, Unseen, End]
        helper.write_bytes(helper_text())
        helper.chmod(0o755)
    assert (programs / "said").read_text() == f"/usr/bin/python3\n{helper}\n"


@needs_root
def test_one_that_is_killed_is_told() -> None:
    with group() as empty:
        watch = Watch(ObservationTarget(0, group=empty))
        os.kill(watch.pid, signal.SIGKILL)
        watch.wait()
    assert isinstance(watch.failure, ProbeError)
    assert "ended prematurely" in translate(watch.failure.message)


@needs_root
@pytest.mark.parametrize(
    "answer",
    [
        "rubbish",
        '["call",1]',
        '["end",NaN,"x"]',
        '["begin",1,99,{}]',
        '{"found":[]}',
        "[" * 5000,
    ],
)
def test_who_speaks_nonsense_is_no_observer(programs: Path, answer: str) -> None:
    script(programs, "pkexec", f"echo '{HELLO}'; {WAIT}; echo '{answer}'; cat > /dev/null")
    observation, told = observing(ObservationTarget(1))
    with pytest.raises(ProbeError):
        list(observation)
    assert told[-1].child is None


@needs_root
def test_a_line_without_end_is_no_observer_s(programs: Path) -> None:
    script(programs, "pkexec", f"echo '{HELLO}'; {WAIT}; exec cat /dev/zero")
    observation, _ = observing(ObservationTarget(1))
    with pytest.raises(ProbeError):
        list(observation)


@needs_root
def test_a_refusal_is_told_with_its_reason(programs: Path) -> None:
    script(programs, "pkexec", PASS)
    observation, _ = observing(ObservationTarget(0))
    with pytest.raises(ProbeError) as caught:
        list(observation)
    assert "a process or a group was expected" in caught.value.words


@needs_root
def test_it_is_closed_while_it_says_nothing(programs: Path) -> None:
    script(programs, "pkexec", f"echo '{HELLO}'; cat > /dev/null")
    observation, _ = observing(ObservationTarget(1))
    events: list[Event] = []
    reading = threading.Thread(target=lambda: events.extend(observation))
    reading.start()
    observation.close()
    reading.join()
    assert events == []
