"""Flaws of OCI runtimes that lead to the host, by the runtime's version. Dated data, and pure.

Only those that a container's process, its image or a volume can use while a runtime starts it or a session in it; not
those of builds, of copying, or of a runtime's own options that engines never use (crun's CVE-2026-30892 takes
`crun exec --user`, its CVE-2026-88264 and -88265 a container without a /dev of its own). crun has none of the three of
November 2025 (github.com/containers/crun issue 1906), nor CVE-2024-21626 (pull request 1412).

A version proves little: distributions mend flaws without changing it. Only the commit of a release says that it was
built unchanged.
"""

from __future__ import annotations

import re

from stratascope.core.message import Message, msg
from stratascope.value import Value


class RuntimeBuild(Value):
    """A runtime of an engine. `name`: as the engine calls it; `program`: what it is, "runc", "crun" or "youki"."""

    name: str
    program: str
    version: str  # as it tells it: "1.3.3", "1.1.15+ds1"
    commit: str = ""  # as it tells it: "v1.3.3-0-gd842d771", "1.1.15+ds1-2+deb13u1"
    package: str = ""  # of the distribution, by the engine: "crun_1.21-1_amd64"


class RuntimeFlaw(Value):
    """A flaw of a program, from version `since` on (empty: from its first). `fixed`: one version a branch of releases,
    the last of which all later ones have; `how`: what an attacker must control; `known`: the day it was last checked.
    """

    id: str
    program: str
    since: str
    fixed: tuple[str, ...]
    how: Message
    source: str  # its advisory
    masks: bool = False  # it takes away masks over paths of /proc, and so matters only where there are some
    known: str = "2026-12-01"


_IMAGE = msg("Whoever makes its image.")
_BESIDE = msg("Whoever starts containers beside it that share a volume with it, or makes its image.")
_TERMINAL = msg(
    "Whoever starts containers beside it that share a volume with it, or makes its image; only if it has a terminal."
)
_FIXED_2025 = ("1.2.8", "1.3.3", "1.4.0-rc.3")

FLAWS = (
    RuntimeFlaw("CVE-2025-31133", "runc", "", _FIXED_2025, _BESIDE, "GHSA-9493-h29p-rfm2", masks=True),
    RuntimeFlaw("CVE-2025-52565", "runc", "1.0.0-rc3", _FIXED_2025, _TERMINAL, "GHSA-qw9x-cqr3-wc7r"),
    RuntimeFlaw("CVE-2025-52881", "runc", "", _FIXED_2025, _BESIDE, "GHSA-cgrx-mc8f-2prm"),
    RuntimeFlaw("CVE-2024-45310", "runc", "", ("1.1.14", "1.2.0-rc.3"), _BESIDE, "GHSA-jfvp-7x6p-h2pv"),
    RuntimeFlaw(
        "CVE-2024-21626",
        "runc",
        "1.0.0-rc93",
        ("1.1.12",),
        msg("Whoever makes its image, or is in it when somebody starts a session in a directory (--workdir)."),
        "GHSA-xr7r-f8xq-vfvv",
    ),
    RuntimeFlaw("CVE-2023-27561", "runc", "1.0.0-rc95", ("1.1.5",), _BESIDE, "GHSA-vpvm-3wq2-2wvm"),
    RuntimeFlaw("CVE-2021-30465", "runc", "", ("1.0.0-rc95",), _BESIDE, "GHSA-c3xm-pvg7-gh7r"),
    RuntimeFlaw(
        "CVE-2019-5736",
        "runc",
        "",
        ("1.0.0-rc7",),
        msg("Root in it, when somebody starts a session; or whoever makes its image."),
        "CVE-2019-5736",
    ),
    RuntimeFlaw("CVE-2019-18837", "crun", "", ("0.10.5",), _IMAGE, "CVE-2019-18837"),
    RuntimeFlaw("CVE-2025-62161", "youki", "", ("0.5.7",), _BESIDE, "GHSA-4g74-7cff-xcv8", masks=True),
    RuntimeFlaw("CVE-2025-62596", "youki", "", ("0.5.7",), _BESIDE, "GHSA-vf95-55w6-qmrf"),
    RuntimeFlaw("CVE-2025-54867", "youki", "", ("0.5.5",), _IMAGE, "GHSA-j26p-6wx7-f3pw"),
)

_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:[-~]rc\.?([0-9]{1,4}))?(?![0-9])").match
_RELEASE = 10_000  # a release comes after its candidates

Version = tuple[int, int, int, int]


def parse_version(text: str) -> Version | None:
    """`1.4.0-rc.3` -> (1, 4, 0, 3); a release's last number is higher than any candidate's. None: no version."""
    found = _VERSION(text)
    if found is None:
        return None
    major, minor, patch, candidate = found.groups()
    return int(major), int(minor), int(patch or 0), _RELEASE if candidate is None else int(candidate)


def unchanged(build: RuntimeBuild) -> bool:
    """Whether it was certainly built from the release itself, by the commit that it names (`git describe --long`)."""
    return not build.package and re.match(rf"v?{re.escape(build.version)}-0-g[0-9a-f]", build.commit) is not None


def flaws_in(build: RuntimeBuild) -> tuple[RuntimeFlaw, ...]:
    """The known flaws of that version, newest first; none if the version is not understood."""
    version = parse_version(build.version)
    if version is None:
        return ()
    return tuple(flaw for flaw in FLAWS if flaw.program == build.program and _has(version, flaw))


def _has(version: Version, flaw: RuntimeFlaw) -> bool:
    since = parse_version(flaw.since)
    if since is not None and version < since:
        return False
    fixed = [found for text in flaw.fixed if (found := parse_version(text)) is not None]
    mended = any(version[:2] == each[:2] and version >= each for each in fixed)
    return not mended and version[:2] <= max(fixed)[:2]


# -- how runtimes and engines tell it

_WORDS = re.compile(r"(runc|crun|youki) version:? (\S{1,100})(?:\s+commit: (\S{1,100}))?").match
_COMMIT = re.compile(r"v?[0-9]+\.[0-9]").match
# Annotations of `runc features` and `crun features`, which Docker passes on
ANNOTATIONS = (
    ("runc", "org.opencontainers.runc.version", "org.opencontainers.runc.commit"),
    ("crun", "run.oci.crun.version", "run.oci.crun.commit"),
)


def of_words(name: str, words: str, package: str = "") -> RuntimeBuild | None:
    """From the output of `runc --version`; None for another program."""
    found = _WORDS(words)
    return found and RuntimeBuild(name, found[1], found[2], found[3] or "", package)


def of_commit(name: str, commit: str) -> RuntimeBuild | None:
    """From runc's commit alone, where that names a version (`v1.3.3-0-gd842d771`); None where it does not."""
    version = re.sub(r"^v|-0-g[0-9a-f]+$", "", commit) if _COMMIT(commit) else ""
    return RuntimeBuild(name, "runc", version, commit) if version else None


def build_of(name: str, builds: tuple[RuntimeBuild, ...]) -> RuntimeBuild | None:
    """The runtime that a container names, by its name or path; None: its version is not known."""
    short = name.rsplit("/", 1)[-1]
    return next((build for build in builds if build.name in (name, short)), None)
