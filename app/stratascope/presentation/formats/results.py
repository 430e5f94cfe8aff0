"""Results as tools that follow single ones take them: each fingerprint once, the worst first, and not too many."""

from __future__ import annotations

from urllib.parse import quote

from stratascope.core.message import msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.formats.told import Item, Subject, Told, accepted_text
from stratascope.value import Value, replace

_NAMED = 3  # machines that are named; the others are counted


class Result(Value):
    """One item of one container, or of those of that name on several machines."""

    item: Item
    subject: Subject
    machines: tuple[str, ...]

    @property
    def severe(self) -> tuple[bool, int, tuple[bool, float, str], str]:
        """To sort by, the worst first; what is accepted comes last."""
        accepted, rank, code = self.item.severe
        return accepted, rank, self.subject.worst, code

    @property
    def message(self) -> str:
        """What it is, where, what to do, and who accepts it; no link of anybody's in it."""
        item, where = self.item, self.subject.name
        if self.machines:
            where = f"{where} ({_machines(self.machines)})"
        parts = [f"{where}: {item.text}", item.advice]
        if item.standing is not None:
            parts.append(accepted_text(item.standing))
        return unlinked(" ".join(part for part in parts if part))

    @property
    def location(self) -> str:
        """The file that asked for it, as a reference of RFC 3986; else a name of that form, of no file."""
        if self.item.file:
            path = quote(self.item.file, errors="surrogateescape")
            return f"file://{path}" if path.startswith("/") else path
        return "/".join(quote(part, safe="") for part in ("containers", self.subject.engine, self.subject.name))

    @property
    def path(self) -> str:
        """The same as a path, for those who take it as it is."""
        return plain(self.item.file) or f"containers/{self.subject.engine}/{self.subject.name}"


def results(told: Told, most: int) -> tuple[list[Result], int]:
    """At most so many, and how many less serious ones are left out."""
    found: dict[str, Result] = {}
    for subject in told.subjects:
        for item in subject.items:
            kept = found.get(item.fingerprint)
            new = Result(item, subject, subject.machines)
            if kept is not None:
                both = tuple(dict.fromkeys((*kept.machines, *new.machines)))
                new = replace(min(kept, new, key=lambda each: each.severe), machines=both)
            found[item.fingerprint] = new
    ordered = sorted(found.values(), key=lambda each: each.severe)
    return ordered[:most], max(0, len(ordered) - most)


def left_out(count: int, most: int) -> str:
    """The sentence for those that are left out."""
    return translate(plural("The {most} worst results are listed; {count} less serious one is left out.",
                            "The {most} worst results are listed; {count} less serious ones are left out.",
                            count, most=most))  # fmt: skip


def unlinked(text: str) -> str:
    """Without what Markdown, and SARIF's messages, would take for a link or a picture."""
    return text.replace("](", "] (")


def ranked(severity: Severity, words: tuple[str, str, str, str]) -> str:
    """A tool's word for it, of those for critical, high, medium and low."""
    return words[severity.rank]


def _machines(names: tuple[str, ...]) -> str:
    named = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    if rest <= 0:
        return named
    return translate(plural("{names} and {count} more machine", "{names} and {count} more machines", rest,
                            names=named))  # fmt: skip


def notes(told: Told) -> list[str]:
    """What a reader has to know beside the results: what was not seen, and exceptions that fit nothing."""
    found = []
    for machine in told.machines:
        if machine.unseen:
            engines = ", ".join(machine.unseen)
            text = msg("{machine}: {engines} not seen", machine=machine.name, engines=engines)
            found.append(translate(text if machine.name else msg("{engines} not seen", engines=engines)))
    for subject in told.subjects:
        if not subject.known:
            found.append(translate(msg("Nothing is known about {name}, which is running.", name=subject.name)))
    found += [
        translate(msg("The exception {which} matches nothing that was found.", which=each)) for each in told.unused
    ]
    return found
