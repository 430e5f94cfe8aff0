"""Reading for containers that are out of reach or just went away; fakes for what real engines can't be made to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread, whole_gap
from stratascope.core.container import Asked, Container, Engine, EngineKind, EngineState, ProfileKind, Status
from stratascope.core.ground import UNREAD
from stratascope.core.message import msg
from stratascope.core.ports import (
    ConfinedError,
    ContainerCapture,
    EngineError,
    NoSuchContainerError,
    ProbeError,
    RawContainer,
    Wish,
)
from stratascope.core.snapshot import CapturedContainer
from stratascope.usecases.live.reader import Reach, Reader, Translations
from stratascope.value import replace

ENGINE = Engine("podman", EngineKind.PODMAN, "tcp://elsewhere:1")
RAW = RawContainer("podman", "ab" * 32, "{}")
TOP = ContainerCapture(Capture(7, (Reading("status", "podman top", "CapEff:\t0000000000000000\n"),), "podman-top"))


def translate(raw: RawContainer, engine: Engine) -> Container:
    return Container(engine.id, raw.id, "web", "image", Status.RUNNING, 7, 1.0, 2.0)


class Prober:
    """Answers every wish the same way, or not at all."""

    def __init__(self, answer: ContainerCapture | ProbeError) -> None:
        self.answer = answer

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        return Capture(0, ())

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        if isinstance(self.answer, ProbeError):
            raise self.answer
        return (self.answer,) * len(wishes)

    def close(self) -> None:
        """Nothing to end."""


def read(prober: Prober | None, top: Callable[[str, int], ContainerCapture] | None) -> ContainerCapture:
    local = Prober(ContainerCapture(unread(7, Gap(GapKind.GONE))))
    shared = Translations(dict.fromkeys(EngineKind, translate))
    reader = Reader((), shared, local, lambda _: Reach(prober, top))
    (machine,) = reader.captured(ENGINE, (RAW,), UNREAD)
    assert machine.found is not None
    return machine.found


def test_the_engines_own_top_where_the_process_is_elsewhere() -> None:
    gone = Prober(ContainerCapture(unread(7, Gap(GapKind.GONE))))
    assert read(gone, lambda container, pid: TOP) is TOP
    assert read(None, lambda container, pid: TOP) is TOP


@pytest.mark.parametrize(
    "error", [NoSuchContainerError("no container"), EngineError(EngineState.UNREACHABLE, msg("It hangs."))]
)
def test_a_container_that_goes_away_meanwhile_is_gone_and_breaks_nothing(error: Exception) -> None:
    def top(container: str, pid: int) -> ContainerCapture:
        raise error

    gap = whole_gap(read(Prober(ContainerCapture(unread(7, Gap(GapKind.GONE)))), top).first)
    assert gap is not None
    assert gap.kind is GapKind.GONE


def test_a_collector_that_cannot_run_is_a_gap_with_its_words() -> None:
    gap = whole_gap(read(Prober(ProbeError(msg("No python3 there."), "python3: not found")), None).first)
    assert gap == Gap(GapKind.UNSUPPORTED, detail="python3: not found")


@pytest.mark.parametrize(
    ("asked", "readings", "read_it"),
    [
        (ProfileKind.CUSTOM, (), True),
        (ProfileKind.DEFAULT, (), False),  # it is known without
        (ProfileKind.CUSTOM, (Reading("seccomp:0", "ptrace", "06000000"),), False),  # the kernel's own word
    ],
)
def test_the_filter_of_a_profile_that_the_engine_only_names(
    asked: ProfileKind, readings: tuple[Reading, ...], read_it: bool
) -> None:
    paths: list[str] = []

    def configuration(path: str) -> str:
        paths.append(path)
        return "{}"

    prober = Prober(ContainerCapture(Capture(7, readings)))
    (machine,) = reading(prober, asked, configuration)
    assert machine.found is not None
    assert paths == (["/c/config.json"] if read_it else [])
    assert ("oci:config" in machine.found.first.names()) is read_it


def test_a_configuration_that_this_user_may_not_read_is_a_gap() -> None:
    def configuration(path: str) -> str:
        raise PermissionError(13, "Permission denied", path)

    (machine,) = reading(Prober(ContainerCapture(Capture(7, ()))), ProfileKind.CUSTOM, configuration)
    assert machine.found is not None
    assert machine.found.first.text("oci:config") == Gap(GapKind.DENIED, 13)


def reading(prober: Prober, asked: ProfileKind, configuration: Callable[[str], str]) -> tuple[CapturedContainer, ...]:
    """Captures of a container with such a filter."""

    def custom(raw: RawContainer, engine: Engine) -> Container:
        return replace(translate(raw, engine), asked=Asked(seccomp=asked), configuration="/c/config.json")

    shared = Translations(dict.fromkeys(EngineKind, custom))
    reader = Reader((), shared, prober, lambda _: Reach(prober, None, configuration))
    return reader.captured(ENGINE, (RAW,), UNREAD)


class Host(Prober):
    """The same machine, seen by another uid."""

    def __init__(self, uid: str, pid: str) -> None:
        super().__init__(ContainerCapture(unread(7, Gap(GapKind.GONE))))
        self._readings = (Reading("id:uid", "getuid(2)", uid), Reading("/proc/1/ns/pid", "/proc/1/ns/pid", pid))

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        return Capture(0, self._readings)


def test_the_machine_as_root_sees_it_is_still_looked_at_by_its_person() -> None:
    local = Host("1000", "not readable")
    reader = Reader((), Translations({}), local, lambda _: Reach(local))
    assert reader.host().text("id:uid") == "1000"
    reader.use(Host("0", "pid:[4026531836]"))
    assert reader.host().text("id:uid") == "1000"
    assert reader.host().text("/proc/1/ns/pid") == "pid:[4026531836]"


def test_who_is_root_itself_reads_the_machine_once() -> None:
    asked: list[object] = []

    class Counted(Host):
        def host(self, names: tuple[str, ...] | None = None) -> Capture:
            asked.append(names)
            return super().host(names)

    local = Counted("0", "pid:[4026531836]")
    reader = Reader((), Translations({}), local, lambda _: Reach(local))
    reader.use(local)
    assert reader.host().text("/proc/1/ns/pid") == "pid:[4026531836]"
    assert asked == [None]


def test_a_sandbox_that_is_closed_is_a_reason_of_its_own() -> None:
    """Where the engine itself tells nothing it is the gap; where it does, what it leaves out could be read."""
    closed = ConfinedError(msg("Closed."), "open it")
    found = read(Prober(closed), None)
    gap = whole_gap(found.first)
    assert gap is not None
    assert (gap.kind, gap.detail) == (GapKind.CONFINED, "open it")

    untold = Reading("ns/net", "podman top", None, Gap(GapKind.UNSUPPORTED))
    denied = Reading("ns/pid", "podman top", None, Gap(GapKind.DENIED))
    told = ContainerCapture(Capture(7, (*TOP.first.readings, untold, denied), "podman-top"), (Capture(8, (untold,)),))
    answer = read(Prober(closed), lambda container, pid: told)
    assert answer.first.text("status") == TOP.first.text("status")
    kinds = [part.text(name) for part, name in ((answer.first, "ns/net"), (answer.first, "ns/pid"))]
    assert [each.kind for each in kinds if isinstance(each, Gap)] == [GapKind.CONFINED, GapKind.DENIED]
    assert answer.members[0].text("ns/net") == Gap(GapKind.CONFINED, detail="open it")


def test_the_trouble_with_this_machine_is_told_until_it_can_be_read() -> None:
    local = Prober(ConfinedError(msg("Closed."), "open it"))
    shared = Translations(dict.fromkeys(EngineKind, translate))
    reader = Reader((), shared, local, lambda _: Reach(local))
    assert reader.trouble is None
    reader.captured(ENGINE, (RAW,), UNREAD)
    assert reader.trouble is not None
    assert (reader.trouble.message, reader.trouble.command) == (msg("Closed."), "open it")
    local.answer = TOP
    reader.captured(ENGINE, (RAW,), UNREAD)
    assert reader.trouble is None

    other = Prober(ProbeError(msg("No way."), "words"))
    Reader((), shared, local, lambda _: Reach(other)).captured(ENGINE, (RAW,), UNREAD)
    assert reader.trouble is None  # another machine's trouble is that engine's


STAT = "{pid} (sh) S 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0"


def process(pid: int, ppid: int, flags: int = 0, start: int = 9) -> Capture:
    status = f"PPid:\t{ppid}\nNSpid:\t{pid}\t{1 if pid == 7 else 5}\n"
    stat = STAT.format(pid=pid, flags=flags, start=start)
    return Capture(pid, (Reading("status", "", status), Reading("stat", "", stat)))


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (process(8, 3), False),
        (process(8, 3, flags=4), True),  # PF_EXITING, also of a zombie
        (process(8, 3, start=10), True),  # the PID is another's
        (unread(8, Gap(GapKind.GONE)), True),
    ],
)
def test_a_session_that_ended_is_noticed(now: Capture, over: bool) -> None:
    prober = Prober(ContainerCapture(now))
    reader = Reader((), Translations({}), prober, lambda _: Reach(prober))
    known = CapturedContainer(RAW, ContainerCapture(process(7, 3), (process(8, 3),)))
    alone = CapturedContainer(replace(RAW, id="cd" * 32), ContainerCapture(process(7, 3)))
    assert reader.ended(ENGINE, (alone, known)) == ((known,) if over else ())


@pytest.mark.parametrize("prober", [None, Prober(ProbeError(msg("It is gone."), ""))])
def test_nothing_is_known_to_have_ended_where_nobody_can_look(prober: Prober | None) -> None:
    known = CapturedContainer(RAW, ContainerCapture(process(7, 3), (process(8, 3),)))
    local = Prober(ContainerCapture(unread(7, Gap(GapKind.GONE))))
    assert Reader((), Translations({}), local, lambda _: Reach(prober)).ended(ENGINE, (known,)) == ()
