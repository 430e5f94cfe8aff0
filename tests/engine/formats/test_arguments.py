"""Filters that tell calls apart by an argument, put before a real program by real engines: it can't type into a
terminal, by whatever form of the call, and everything ordinary works; the filter is read back as it was predicted.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.filters import filters_of
from stratascope.core.container import EngineKind
from stratascope.core.observation.observation import Observation, Seen, UsedArguments, UsedCall
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.core.threats.needs import Calls
from stratascope.core.threats.threat import Stance
from stratascope.layers.seccomp.filter_source import FilterSource, MeasuredDefault, ProfileFilter
from stratascope.layers.seccomp.profiles import learned_profile, parsed, widened
from stratascope.layers.seccomp.stances import SeccompPosture, stance_of
from stratascope.linux.seccomp import SeccompMode
from stratascope.linux.syscalls import Abi

CAPABILITIES = frozenset(("CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"))
ORDINARY = ("own", "settings", "size", "number", "number-signs", "waiting", "not-blocking", "name", "name-high", "mine")
TYPING = ("type", "type-high", "type-signs", "type-narrow")
REST = ("paste", "paste-high", "faults", "faults-high", "clock", "clock-high", "cache")
CALLS = (UsedCall("x86_64", "openat", 1, ("it",)), UsedCall("i386", "ioctl", 1, ("it",)))
SEEN = Observation(Seen(1.0, 1), calls=CALLS)
TYPED = (UsedArguments("x86_64", "ioctl", (0x5412,)), UsedArguments("i386", "ioctl", (0x5412,)))


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    source = Path(__file__).with_name("arguments.c")
    with tempfile.TemporaryDirectory(prefix="strata-arguments-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        command = (compiler, "-O1", "-static", "-Wall", "-Werror", "-o", str(folder / "arguments"), str(source))
        subprocess.run(command, check=True, capture_output=True)
        yield folder


def made(rig: Rig, seen: Observation) -> str:
    """The filter derived from that."""
    text = Path("/usr/share/containers/seccomp.json")
    default = (
        ProfileFilter(text.read_text(), str(text), CAPABILITIES, (6, 18), "x86_64")
        if rig.kind == "podman"
        else MeasuredDefault(EngineKind.DOCKER, "26.1", CAPABILITIES)
    )
    return learned_profile(seen, default, CAPABILITIES, tight=False, no_new_privileges=False, init=False)


def stance(source: FilterSource, threat: str) -> Stance:
    """What a filter says to the first route of a threat, of each entry point that it filters."""
    points = tuple((abi, True, source.answers(abi)) for abi in (Abi.X86_64, Abi.I386))
    (need, *_) = [each for each in threats_by_id()[threat].routes[0].steps[0].needs if isinstance(each, Calls)]
    ruling = stance_of(need, SeccompPosture(SeccompMode.FILTER, "", points, (), unseen=False, kernel=(6, 18)))
    assert ruling is not None
    return ruling.stance


@contextmanager
def under(rig: Rig, program: Path, profile: Path) -> Iterator[str]:
    """A container under that profile, with the program."""
    with rig.container("--security-opt", f"seccomp={profile}", "-v", f"{program}:/it:ro") as name:
        yield name


def ended(rig: Rig, name: str) -> dict[str, str]:
    """How each call ended."""
    said = rig.run("exec", name, "/it/arguments")
    return dict(line.split() for line in said.splitlines())


def predicted(text: str) -> FilterSource:
    """The same filter, as it is judged before it is in force."""
    return ProfileFilter(text, "profile", CAPABILITIES, (6, 18), "x86_64")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "profile.json"


@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_nothing_is_typed_into_a_terminal(
    request: pytest.FixtureRequest, kind: str, program: Path, profile: Path
) -> None:
    """Without the filter it is, so that it is the filter that stops it. Then the same filter with one call more, and
    the filter of one that was seen typing.
    """
    rig: Rig = request.getfixturevalue(kind)
    with under(rig, program, Path("unconfined")) as name:
        free = ended(rig, name)
    assert {free[each] for each in ("type", "type-high", "type-signs", "clock", "clock-high", "cache")} == {"ok"}

    profile.write_text(made(rig, SEEN))
    with under(rig, program, profile) as name:
        assert ended(rig, name) == dict.fromkeys(ORDINARY, "ok") | dict.fromkeys((*TYPING, *REST), "1")
        read = filters_of(rig, name)
    told = predicted(profile.read_text())
    for call in ("ioctl", "prctl"):
        assert read.answers(Abi.X86_64).of(call) == told.answers(Abi.X86_64).of(call)
    for source in (read, told):
        assert stance(source, "type-into-terminal") is stance(source, "userfaultfd") is Stance.STOPS

    profile.write_text(widened(read, parsed("+ioctl::0x5412"), "x86_64"))
    with under(rig, program, profile) as name:
        then, read = ended(rig, name), filters_of(rig, name)
    assert {then[each] for each in (*ORDINARY, "type", "type-high", "type-signs")} == {"ok"}
    assert {then[each] for each in REST} == {"1"}
    assert stance(read, "type-into-terminal") is Stance.LETS_THROUGH
    assert stance(predicted(profile.read_text()), "type-into-terminal") is Stance.LETS_THROUGH

    profile.write_text(made(rig, Observation(SEEN.seen, calls=CALLS, arguments=TYPED)))
    with under(rig, program, profile) as name:
        then = ended(rig, name)
    assert {then[each] for each in (*ORDINARY, "type", "type-high", "type-signs")} == {"ok"}
    assert {then[each] for each in REST} == {"1"}
