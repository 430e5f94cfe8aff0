"""packaging/hashes/: the SHA-256 of every Python package in a release or used to build it; `make hashes` writes it.

A line is one wheel, as pip's `--require-hashes` reads it: name, version, for which Python and machine where it does not
fit all of them, and the one hash that is accepted. No addresses: where it comes from does not matter, if it is this.

    build.txt     makes the program and its list of parts, on any Python: pure wheels only
    program.txt   what the program runs on
    appimage.txt  packs it into one file
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from wheels import APPIMAGE, CHECKOUT, FLATPAK, Target, Wheel, asked, requirements

FOLDER = CHECKOUT / "packaging" / "hashes"
HEAD = "# Written by `make hashes` from packaging/constraints.txt; packaging/release/hashes.py says what it is.\n"
TARGETS: Mapping[str, tuple[Target, ...]] = {
    "build": (APPIMAGE, *FLATPAK),
    "program": (APPIMAGE, *FLATPAK),
    "appimage": (APPIMAGE,),
}


class UnknownHashError(Exception):
    """A wheel whose hash is not the accepted one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One accepted wheel."""

    requirement: Requirement
    sha256: str

    @property
    def name(self) -> str:
        """The canonical name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The pinned version."""
        return str(self.requirement.specifier).removeprefix("==")

    def fits(self, environment: Mapping[str, str] | None = None) -> bool:
        """Whether it is for that environment; by default, for this one."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(None if environment is None else {**environment})


def read(*names: str) -> tuple[Line, ...]:
    """The lines of these files, or of all."""
    found = []
    for name in names or TARGETS:
        for text in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if text and not text.startswith("#"):
                requirement, _, sha256 = text.partition(" --hash=sha256:")
                found.append(Line(Requirement(requirement), sha256))
    return tuple(found)


def sha256_of(name: str, version: str, environment: Mapping[str, str] | None = None) -> str:
    """The hash of the accepted wheel of that version for that environment; empty if there is none."""
    wanted = (canonicalize_name(name), version)
    return next((line.sha256 for line in read() if (line.name, line.version) == wanted and line.fits(environment)), "")


def check(wheels: Iterable[Wheel], target: Target) -> None:
    """Check that each wheel is the accepted one for the target. Raises UnknownHashError."""
    for wheel in wheels:
        accepted = sha256_of(wheel.name, wheel.version, target.environment())
        if wheel.sha256 != accepted:
            raise UnknownHashError(
                f"{wheel.name} {wheel.version} for Python {target.python} on {target.machine} has the SHA-256 "
                f"{wheel.sha256}, and packaging/hashes/ has {accepted or 'none'}"
            )


def lines(found: Mapping[Target, Iterable[Wheel]]) -> Iterator[str]:
    """One line per wheel, with a marker for its targets."""
    users: dict[Wheel, list[Target]] = {}
    for target, each in found.items():
        for wheel in each:
            users.setdefault(wheel, []).append(target)
    for wheel, targets in sorted(users.items(), key=lambda pair: (canonicalize_name(pair[0].name), pair[0].file)):
        text = f"{wheel.name}=={wheel.version}"
        if not wheel.file.endswith("-none-any.whl"):
            text += " ; " + " or ".join(
                f'python_version == "{target.python}" and platform_machine == "{target.machine}"' for target in targets
            )
        yield f"{text} --hash=sha256:{wheel.sha256}\n"


def main() -> int:
    """Write all files."""
    for name, wanted in requirements().items():
        found = {target: asked(wanted, target) for target in TARGETS[name]}
        path = FOLDER / f"{name}.txt"
        path.write_text(HEAD + "".join(lines(found)), encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
