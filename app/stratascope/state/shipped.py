"""The libraries that this program uses, with version, licence and the licence's text, for *About*.

Read from the libraries' own metadata, so that it is true of what really runs; the font brings its licence as a file. A
bundle (AppImage) adds the texts of its system libraries as `licences/NAME.txt` to the resources. Decided against a list
in the code: it would be out of date with the next release of any of them.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from stratascope import resources
from stratascope.value import Value, replace

_PROGRAM = "stratascope"
INTER, INTER_VERSION = "Inter", "4.1"  # of resources/fonts, made by packaging/fonts/inter.py
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TEXTS = re.compile(r"(licen[cs]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
_OTHERS = re.compile(r"License :: (?:OSI Approved :: )?(.+)")
_TEXT_MOST = 200_000  # characters


class Part(Value):
    """`licence`: a short name, empty if its metadata has none; `text` may be empty."""

    name: str
    version: str
    licence: str
    text: str


def parts() -> tuple[Part, ...]:
    """Every library of the running program by name; the program itself first, then Python."""
    found: dict[str, Part] = {}
    for distribution in _reached(_PROGRAM):
        part = _part(distribution)
        found[part.name.lower()] = part
    own = found.pop(_PROGRAM, Part("", "", "Apache-2.0", ""))
    python = Part("Python", platform.python_version(), "PSF-2.0", "")
    rest = sorted((*found.values(), *_fonts(), *_bundled()), key=lambda part: part.name.lower())
    return (replace(own, name="Stratascope"), python, *rest)


def _reached(name: str) -> Iterator[metadata.Distribution]:
    """A distribution and all its dependencies here, each once."""
    waiting, seen = [name], set()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield distribution
        for line in distribution.requires or ():
            if (match := _NAME.match(line)) and "extra ==" not in line:
                waiting.append(match[0])


def _part(distribution: metadata.Distribution) -> Part:
    about = distribution.metadata
    licence = _said(about, "License-Expression")
    if not licence:
        named = [match[1] for line in about.get_all("Classifier") or () if (match := _OTHERS.fullmatch(line))]
        licence = ", ".join(named) or _said(about, "License").split("\n", 1)[0][:80]
    texts = []
    for path in distribution.files or ():
        if ".dist-info" in str(path.parent) and _TEXTS.search(path.name):
            try:
                texts.append(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError):
                continue  # listed but missing: only the short name is known
    return Part(about["Name"], distribution.version, licence, "\n\n".join(texts)[:_TEXT_MOST])


def _said(about: metadata.PackageMetadata, field: str) -> str:
    return str((about.get_all(field) or [""])[0])


def _fonts() -> Iterator[Part]:
    """The letters that the window writes with."""
    try:
        yield Part(INTER, INTER_VERSION, "OFL-1.1", resources.read_text("fonts/OFL.txt"))
    except resources.MissingResourceError:
        return


def _bundled() -> Iterator[Part]:
    """System libraries in a bundle."""
    try:
        folder = resources.path("licences")
    except resources.MissingResourceError:
        return
    for file in sorted(folder.glob("*.txt")):
        yield Part(file.stem, "", "", file.read_text(encoding="utf-8", errors="replace")[:_TEXT_MOST])
