"""Set-uid programs from an engine's archive: once for an image, and not again in a later run of the program."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from stratascope.collector.names import GIVING_PROGRAMS
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Container, Status
from stratascope.usecases.live.exported_programs import ExportedPrograms

SU = "inside\np 0 0 4755 0 0 0 0 - - /bin/own\n"


class Memory:
    """Kept as long as this object."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}

    def get(self, engine: str, image: str) -> str | None:
        return self.texts.get((engine, image))

    def keep(self, engine: str, image: str, text: str) -> None:
        self.texts[engine, image] = text


class Engine:
    """Hands out an archive with one set-uid program; counts how often."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, container: str) -> Iterator[bytes]:
        self.asked.append(container)
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            item = tarfile.TarInfo("bin/own")
            item.mode, item.size = 0o4755, 4
            archive.addfile(item, io.BytesIO(b"\x7fELF"))
        yield file.getvalue()


def container(name: str, image: str) -> Container:
    return Container("docker", name, name, "image", Status.RUNNING, 7, 1.0, 2.0, image_id=image)


def found(*containers: Container) -> list[tuple[Container, Capture]]:
    return [(each, Capture(7, ())) for each in containers]


def test_once_for_an_image_and_over_the_end_of_the_program() -> None:
    engine, kept = Engine(), Memory()
    one, two, other = container("one", "sha256:1"), container("two", "sha256:1"), container("other", "")
    made = ExportedPrograms(kept).of(found(one, two, other), engine)
    assert {key: reading.text for key, reading in made.items()} == {each.key: SU for each in (one, two, other)}
    assert engine.asked == ["one", "other"]
    assert kept.texts == {("docker", "sha256:1"): SU}  # what has no image is nobody else's
    assert ExportedPrograms(kept).of(found(two), engine)[two.key].text == SU
    assert engine.asked == ["one", "other"]
    assert ExportedPrograms().of(found(two), engine)[two.key].text == SU
    assert engine.asked == ["one", "other", "two"]


def test_only_where_nobody_has_read_them() -> None:
    engine, one = Engine(), container("one", "sha256:1")
    read = Capture(7, (Reading(GIVING_PROGRAMS, "/proc/7/root", ""),))
    assert ExportedPrograms().of([(one, read)], engine) == {}
    denied = Capture(7, (Reading(GIVING_PROGRAMS, "/proc/7/root", None, Gap(GapKind.DENIED)),))
    assert ExportedPrograms().of([(one, denied)], engine)[one.key].text == SU
    assert engine.asked == ["one"]
