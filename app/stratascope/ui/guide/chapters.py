"""The user guide as it lies in the resources: one Markdown file a chapter, in a folder a language.

A file begins with its title (`# …`); what can be gone to is a heading with `<a id="name"></a>` in the line before it,
which GitHub understands too. English is the one that is complete: a chapter that another language lacks comes from
there. Decided against HTML (nobody likes to translate it) and against Qt's help engine (a database, a compiler, and a
module that is not shipped).
"""

from __future__ import annotations

import re

from stratascope import resources
from stratascope.core.message import MessageError, msg
from stratascope.value import Value

FOLDER = "guide"
FALLBACK = "en"
_ANCHOR = re.compile(r'<a id="([a-z0-9-]+)"></a>')
_HEADING = re.compile(r"#{1,6} (.+)")
_NAME = re.compile(r"(?:\d+-)?([a-z0-9-]+)\.md")


class NoGuideError(MessageError):
    """There is no guide to show; `message` says so to a person."""


class Chapter(Value):
    """`text` is Markdown without the anchors; `anchors` holds one a heading, in order ("" where it has none)."""

    name: str
    file: str
    title: str
    text: str
    anchors: tuple[str, ...]


def chapter_name(file: str) -> str:
    """`07-hardening.md` as a name: hardening; empty where it is no chapter's."""
    found = _NAME.fullmatch(file)
    return found.group(1) if found else ""


def read_chapter(file: str, text: str) -> Chapter:
    """The chapter in this text."""
    lines, anchors, title, anchor, fenced = [], [], "", "", False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            mark, heading = _ANCHOR.fullmatch(line), _HEADING.fullmatch(line)
            if mark:
                anchor = mark.group(1)
                continue
            if heading:
                title = title or heading.group(1)
                anchors.append(anchor)
                anchor = ""
        lines.append(line)
    return Chapter(chapter_name(file), file, title or file, "\n".join(lines).strip() + "\n", tuple(anchors))


def load(language: str) -> tuple[Chapter, ...]:
    """All chapters in order, in that language (`ja`, `pt_BR` …) as far as it has them. Raises NoGuideError."""
    return tuple(_chapter(file, language) for file in _files())


def _files() -> list[str]:
    try:
        folder = resources.path(f"{FOLDER}/{FALLBACK}")
        found = sorted(each.name for each in folder.iterdir() if chapter_name(each.name))
    except OSError:  # MissingResourceError is one
        found = []
    if not found:
        raise NoGuideError(
            msg("The guide's files are missing from this installation. Install Stratascope again to get them.")
        )
    return found


def _chapter(file: str, language: str) -> Chapter:
    for wanted in dict.fromkeys((language, re.split("[-_.@]", language)[0], FALLBACK)):
        if not re.fullmatch("[A-Za-z_-]+", wanted):
            continue
        try:
            return read_chapter(file, resources.read_text(f"{FOLDER}/{wanted}/{file}"))
        except (OSError, UnicodeDecodeError):
            continue
    raise NoGuideError(msg("The chapter {file} of the guide can't be read. Install Stratascope again.", file=file))
