"""`make translations`: extracts the program's messages and updates the catalogues.

`resources/locale/LANGUAGE/LC_MESSAGES/stratascope.po` is the only source of each translation: new messages are added
untranslated, removed ones are dropped, and nothing is guessed (no fuzzy entries). References name files without lines,
and the dates in the header are constant, so that a diff shows only texts.

The compiled `.mo` is committed too, and a test compares it with the `.po`. Decided against compiling it in
packaging/setup.sh and in a build hook of the wheel: Babel would have to be installed or fetched wherever the program is
built or started (the Flatpak and the AppImage build without network, and so may a checkout after `git pull`), and an
incomplete installation would silently start in English. The cost is smaller: a few tens of KiB of history per change.

`make translations ARGS=check` changes nothing, and reports what is out of date.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import IO, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from rig.places import CHECKOUT

LOCALES = CHECKOUT / "resources" / "locale"
LANGUAGES = ("ja",)
KEYWORDS: dict[str, tuple[int, ...] | None] = {"msg": None, "plural": (1, 2)}
Found = tuple[int, str, str | tuple[str, ...], list[str]]
STILL = datetime(2026, 11, 25, tzinfo=UTC)
HEAD = """\
# Stratascope's texts in this language. `make translations` keeps this file in line with the program.
# Released under the license of Stratascope (Apache-2.0).
#"""


def po_file(language: str, root: Path = LOCALES) -> Path:
    """The `.po` file of a language."""
    return root / language / "LC_MESSAGES" / "stratascope.po"


def extracted(app: Path = CHECKOUT / "app") -> Catalog:
    """Every message of the program, with the files that contain it."""
    found = Catalog(domain="stratascope")
    methods: Any = [("**.py", calls)]  # Babel takes a function too, its types do not say so
    for name, line, text, _, _ in extract_from_dir(app, methods, keywords=KEYWORDS):
        found.add(text, None, [(name, line)])
    return found


def calls(file: IO[bytes], keywords: object, tags: object, options: object) -> Iterator[Found]:
    """Babel's own extractor goes by tokens, and up to Python 3.11 an f-string is one token: what stands in it would
    be found by the later Pythons only. So this one goes by the syntax tree."""
    found = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Call)]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            wanted = len(KEYWORDS[node.func.id] or (1,))
            if len(texts) >= wanted and all(texts[:wanted]):
                yield node.lineno, node.func.id, texts[0] if wanted == 1 else tuple(texts[:wanted]), []


def load(file: Path) -> Catalog:
    """Read a catalogue from disk."""
    return load_text(file.read_bytes())


def load_text(text: bytes) -> Catalog:
    """A catalogue from the text of a `.po`."""
    return read_po(io.BytesIO(text), domain="stratascope", abort_invalid=True)


def updated(old: Catalog, template: Catalog) -> Catalog:
    """The present messages with their existing translations."""
    fresh = Catalog(
        locale=old.locale,
        domain="stratascope",
        project="Stratascope",
        version="",
        msgid_bugs_address="none",
        header_comment=HEAD,
        creation_date=STILL,
        revision_date=STILL,
        last_translator="Stratascope",
        language_team="none",
        fuzzy=False,
    )
    for message in template:
        if not message.id:
            continue
        before = old.get(message.id)
        same = before is not None and before.id == message.id and not before.fuzzy
        kept = before.string if same and before is not None else None
        fresh.add(message.id, kept, sorted({(name, 0) for name, _ in message.locations}))
    return fresh


def po_text(catalogue: Catalog) -> bytes:
    """The expected content of the `.po`."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=0, sort_by_file=True, include_lineno=False)
    return stream.getvalue()


def mo_text(catalogue: Catalog) -> bytes:
    """The expected content of the `.mo`. Untranslated messages are left out, so that gettext returns the English."""
    for message in list(catalogue):
        if message.id and not all(_texts(message)):
            catalogue.delete(message.id)
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def fields(text: str) -> list[str]:
    """The fields of a text, including argparse's %-fields. Raises ValueError if braces don't match."""
    ours = [f"{name}:{spec}" for _, name, spec, _ in Formatter().parse(text) if name is not None]
    return sorted(ours + re.findall(r"%(?:\(\w+\))?[a-z]", text))


def complaints(catalogue: Catalog, template: Catalog) -> list[str]:
    """All errors in the translations, one per line; empty if they are fit for a release."""
    wrong = [f"obsolete: {message!r}" for message in catalogue.obsolete]
    present = {message.id for message in catalogue if message.id}
    wanted = {message.id for message in template if message.id}
    wrong += [f"not in the catalogue: {message!r}" for message in sorted(wanted - present, key=str)]
    wrong += [f"no longer in the program: {message!r}" for message in sorted(present - wanted, key=str)]
    for message in catalogue:
        if message.id:
            wrong += [f"{why}: {message.id!r}" for why in _faults(message, catalogue.num_plurals)]
    return wrong


def _texts(message: Message) -> tuple[str, ...]:
    """The translation in its plural forms."""
    given = message.string or ""
    return (given,) if isinstance(given, str) else tuple(str(each or "") for each in given)


def _faults(message: Message, plurals: int) -> list[str]:
    """The errors of one translation."""
    ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    texts = _texts(message)
    if message.fuzzy:
        return ["fuzzy"]
    if not all(texts):
        return ["not translated"]
    found = []
    if len(texts) != (1 if isinstance(message.id, str) else plurals):
        found.append(f"{len(texts)} plural forms")
    allowed = [fields(each) for each in ids]
    for text in texts:
        try:
            if fields(text) not in allowed:
                found.append(f"other fields {fields(text)}")
        except ValueError as error:
            found.append(f"broken field ({error})")
        if (text[:1].isspace(), text[-1:].isspace()) != (ids[0][:1].isspace(), ids[0][-1:].isspace()):
            found.append("other space around it")
        if text.count("\n") != ids[0].count("\n"):
            found.append("other line breaks")
    return found


def say(line: str) -> None:
    """Print for the developer."""
    sys.stdout.write(line + "\n")


def main(words: list[str]) -> int:
    """Update the catalogues, or only check them."""
    template = extracted()
    status = 0
    for language in LANGUAGES:
        file = po_file(language)
        old = load(file) if file.exists() else Catalog(locale=language, domain="stratascope")
        fresh = updated(old, template)
        wrong = complaints(fresh, template)
        for target, content in ((file, po_text(fresh)), (file.with_suffix(".mo"), mo_text(load_text(po_text(fresh))))):
            if target.exists() and target.read_bytes() == content:
                continue
            if words == ["check"]:
                say(f"{target} is not in line; run make translations")
                status = 1
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        missing = sum(line.startswith("not translated") for line in wrong)
        say(f"{language}: {len(fresh)} messages, {missing} not translated, {len(wrong) - missing} otherwise wrong")
        for line in wrong[:40]:
            say(f"  {line}")
        status = status or int(words == ["check"] and bool(wrong))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
