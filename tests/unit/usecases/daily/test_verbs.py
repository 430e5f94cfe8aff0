"""What a stop or a restart means, and why something can't be done."""

from __future__ import annotations

import pytest

from stratascope.core.container import Asked, AskedMount, AskedPort, Container, EngineState, Status
from stratascope.core.ports import StopFacts
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Member, Stage, Transaction, TransactionKind
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.i18n.translate import translate
from stratascope.usecases.daily.daily import Verb, impossible, meaning, no_shell, start_beside
from stratascope.value import replace

NUMBER = "f" * 64
PLAIN = StopFacts(False, RestartPolicy(), 10, "")


def container(name: str = "web", **more: object) -> Container:
    made = Container("docker", name + "0" * (64 - len(name)), name, "nginx", Status.RUNNING, 42, 0.0, 0.0)
    return replace(made, **more)  # type: ignore[arg-type]


def state(**more: object) -> ContainerState:
    return ContainerState(replace(container(), **more), ())  # type: ignore[arg-type]


def told(
    verb: Verb, of: ContainerState, facts: StopFacts = PLAIN, others: tuple[Container, ...] = ()
) -> tuple[str, ...]:
    return tuple(translate(text) for text in meaning(verb, of, facts, others))


def test_a_usual_container_loses_nothing() -> None:
    assert told(Verb.STOP, state()) == told(Verb.RESTART, state()) == ()


def test_one_that_removes_itself_goes_with_its_nameless_volumes() -> None:
    facts = replace(PLAIN, auto_remove=True)
    mounts = (
        AskedMount("volume", "/v", "/data", True, volume=NUMBER),
        AskedMount("volume", "/v", "/db", True, volume="db"),
    )
    one = told(Verb.STOP, state(asked=Asked(mounts=mounts)), facts)
    assert one == (
        "It was started with --rm: once it has stopped, its engine deletes it with its log, everything that it wrote "
        "and 1 anonymous volume.",
    )
    assert "volume" not in told(Verb.STOP, state(), facts)[0]
    assert told(Verb.RESTART, state(), facts) == ()  # both engines leave it there


def test_memory_sessions_ports_and_time() -> None:
    asked = Asked(mounts=(AskedMount("tmpfs", "", "/run", True),), ports=(AskedPort("80/tcp", "", ""),))
    of = replace(state(asked=asked), processes=(ProcessState(9, 9, "sh", (), kind="exec"),))
    facts = StopFacts(False, RestartPolicy("always"), 30, "SIGQUIT")
    assert told(Verb.STOP, of, facts) == (
        "What it keeps in memory is lost: /run.",
        "1 process of an exec session ends, too.",
        "Its engine chose a host port for it, and may choose another one at the next start.",
        "It stays stopped until someone starts it, or its engine restarts (restart policy: always).",
        "It gets SIGQUIT, and is killed if it is still running after 30 seconds.",
    )
    assert told(Verb.STOP, state(), replace(PLAIN, seconds=0)) == (
        "It is killed at once, with no time to stop by itself.",
    )


def test_those_that_share_its_namespaces() -> None:
    others = (
        container("by-id", asked=Asked(network_mode=f"container:{container().id}")),
        container("by-name", asked=Asked(network_mode="container:web")),
        container("inside", asked=Asked(pid_mode="container:web", network_mode="container:web")),
        container("stopped", status=Status.EXITED, asked=Asked(network_mode="container:web")),
        container("elsewhere", engine="podman", asked=Asked(network_mode="container:web")),
        container("other", asked=Asked(network_mode="container:inside")),
        container(),
    )
    assert told(Verb.RESTART, state(), PLAIN, others) == (
        "inside shares its processes and ends with it.",
        "by-id, by-name share its network, and lose it until they are restarted as well.",
    )


def test_a_pods_holder_takes_the_network_of_all_in_it() -> None:
    others = tuple(container(name, pod="p") for name in ("one", "two"))
    assert told(Verb.STOP, state(infra=True, pod="p"), PLAIN, others) == ("one, two share its network and lose it.",)


def test_systemd_is_named() -> None:
    of = state(labels=(("PODMAN_SYSTEMD_UNIT", "web.service"),))
    assert told(Verb.STOP, of) == (
        "systemd runs it as web.service and may restart it automatically. Use systemctl instead.",
    )


def test_a_start_of_what_is_set_aside_means_that_two_run() -> None:
    none = RestartPolicy()
    pair = [
        Member(name, container(f"{name}.old").id, container(name).id, "", "", none, none, True, 10)
        for name in ("web", "beside")
    ]
    done = Transaction.of(
        tuple(pair),
        number="1",
        kind=TransactionKind.HARDEN,
        stage=Stage.DONE,
        engine="docker",
        endpoint="",
        created=True,
        started_at=0.0,
        choices=(),
        owner=None,
    )
    old, new = container("web.old"), container("web")

    def means(of: Container, kept: Transaction, *others: Container) -> list[str]:
        return [translate(text) for text in start_beside(of, (kept,), others)]

    assert means(old, done, old, new) == [
        "It was kept when web took its place, which runs: both would run at once, with the same volumes and ports.",
        "To have it in that place again, use Undo… above the plan.",
    ]
    assert "beside took its place, which runs" in means(container("beside.old"), done, container("beside"))[0]
    assert "which stays as it is" in means(old, done, replace(new, status=Status.EXITED))[0]
    assert "use Go back to it…" in means(old, replace(done, kind=TransactionKind.UNDO), new)[1]
    assert means(new, done, old, new) == means(replace(old, engine="podman"), done) == []


@pytest.mark.parametrize(
    ("verb", "status", "why"),
    [
        (Verb.START, Status.RUNNING, "It is already running."),
        (Verb.START, Status.EXITED, None),
        (Verb.STOP, Status.EXITED, "It is not running."),
        (Verb.STOP, Status.RUNNING, None),
        (Verb.RESTART, Status.EXITED, None),
        (Verb.RESTART, Status.REMOVING, "It is being stopped or removed."),
    ],
)
def test_what_its_state_allows(verb: Verb, status: Status, why: str | None) -> None:
    from rig.window import sample

    found = impossible(verb, state(status=status), sample.snapshot())
    assert (None if found is None else translate(found)) == why


def test_a_demo_a_capture_and_an_engine_that_is_gone() -> None:
    from rig.window import sample

    shown = sample.snapshot()
    gone = replace(shown, engines=(replace(shown.engines[0], state=EngineState.UNREACHABLE),))
    texts = [
        translate(found)
        for snapshot in (replace(shown, demo=True), replace(shown, engines=()), gone)
        if (found := no_shell(state(), snapshot)) is not None
    ]
    assert texts == [
        "This was recorded elsewhere: there is no such container here.",
        "This is from a capture: there is no engine to ask.",
        "Its engine does not answer now.",
    ]
