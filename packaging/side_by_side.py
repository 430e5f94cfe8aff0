"""Runs all tests in parallel parts, and reports them like a single pytest run; called by packaging/test.sh.

Each part is a pytest process with its own display, engines and temporary files. Engines mostly wait, so two cores run
the other parts meanwhile. A part's output is printed as it comes, one line per file; failures are printed at the end,
part by part, and the last line counts all. Decided against pytest-xdist: without root the engines' tests run through
sudo and so in a second process anyway, and a display has only one active window.

The parts are folders of tests/: `docker` and `podman` are those of engine/ and machine/ (`engines`, both in one, where
sudo asks for a password, and where slow tests are run, of which some publish the same port); `window`; `unit`, without
types and imports, which are `style`.

The exit status is pytest's: 0; 1 if anything failed, 2 if interrupted, 5 if no test was selected.
"""

from __future__ import annotations

import compileall
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = CHECKOUT / ".pytest_cache"
COUNTED = ("failed", "passed", "skipped", "xfailed", "xpassed", "warning", "error")  # as pytest orders them
WORDS = ("It begins.", "platform ", "rootdir: ", "configfile: ", "testpaths: ", "cachedir: ", "plugins: ", "PySide6 ")
PREAMBLE = (*WORDS, "hypothesis ", "timeout", "session timeout", "collect")  # pytest's header lines
BAR = re.compile(r"=+ (.+?) =+")
TOTAL = re.compile(r"(?:no tests ran|\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s(?: \([\d:]+\))?")
ENDED = re.compile(r"It ended with (\d+)\.")
COUNT = re.compile(r"(\d+) ([a-z]+)")


class Part:
    """One pytest process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun = threading.Event()
        self.sections: dict[str, list[str]] = {}
        self.counts: dict[str, int] = {}
        self.last: deque[str] = deque(maxlen=60)  # lines
        self.code: int | None = None  # pytest's exit status; None while it runs, or if it crashed
        self.process = subprocess.Popen(
            ("sh", "packaging/test.sh"),
            cwd=CHECKOUT,
            env={**os.environ, "PART": name, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        """Print a line per file, and collect the sections at the end."""
        assert self.process.stdout is not None
        kept: list[str] | None = None
        for line in self.process.stdout:
            self.begun.set()
            self.last.append(f"{line.rstrip()}\n")
            title, ended = BAR.fullmatch(line.rstrip()), ENDED.fullmatch(line.rstrip())
            if ended is not None:
                self.code = int(ended[1])
            elif title is not None and TOTAL.fullmatch(title[1]):
                self._count(title[1])
                kept = None
            elif title is not None and title[1] != "test session starts":
                kept = self.sections.setdefault(title[1], [])
            elif kept is not None:
                kept.append(line)
            elif title is None and line.strip() and not line.startswith(PREAMBLE):
                say(f"{self.name:8}{line}")
        self.process.wait()
        self.begun.set()

    def _count(self, line: str) -> None:
        for number, what in COUNT.findall(line.rpartition(" in ")[0]):
            word = what.removesuffix("s")
            if word in COUNTED:
                self.counts[word] = self.counts.get(word, 0) + int(number)

    def end(self) -> int:
        """Wait for it; returns its exit status. A failure outside of its tests counts as an error."""
        self._reader.join()
        if self.code not in (0, 5) and not self.counts.keys() & {"failed", "error"}:
            self.counts["error"] = 1
            how = f"with {self.code}" if self.code is not None else f"without a word ({self.process.returncode})"
            told = f"This part ended {how}, and no test of it says why. Its last words:\n"
            self.sections.setdefault("ERRORS", []).extend((told, *self.last))
        return 1 if self.code is None else self.code


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def bar(text: str) -> str:
    return f" {text} ".center(80, "=") + "\n"


def plural(word: str, number: int) -> str:
    return f"{word}s" if number != 1 and word in ("warning", "error") else word


def names() -> tuple[str, ...]:
    """The parts' names, longest first."""
    everything = os.environ.get("MARKS", "not slow") != "not slow"
    engines = ("engines",) if everything or os.geteuid() != 0 else ("docker", "podman")
    return (*engines, "window", "unit", "style")


def start(parts: list[Part]) -> None:
    """Start the parts in turn, each as soon as the one before has its display, and sudo its password."""
    compileall.compile_dir(CHECKOUT / "app", quiet=2)  # once, rather than in every part at the same time
    for name in names():
        if name == "engines" and os.geteuid() != 0:
            say("The tests with real engines need root; sudo may ask for your password.\n")
        parts.append(Part(name))
        parts[-1].begun.wait()


def report(parts: list[Part], seconds: float) -> None:
    """Print the final sections of all parts, as pytest does."""
    summary = "short test summary info"
    for part in parts:
        for title, lines in part.sections.items():
            if title != summary:
                say(bar(f"{part.name}: {title}") + "".join(lines))
    lines = [line for part in parts for line in part.sections.get(summary, ())]
    if lines:
        say(bar(summary) + "".join(sorted(lines, key=lambda line: line.startswith(("FAILED", "ERROR")))))
    counts = {word: sum(part.counts.get(word, 0) for part in parts) for word in COUNTED}
    told = [f"{number} {plural(word, number)}" for word, number in counts.items() if number]
    span = f"{seconds:.2f}s ({int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02})"
    say(bar(f"{', '.join(told) or 'no tests ran'} in {span}"))


def remember(parts: list[Part]) -> None:
    """Store the failed tests where `make test ARGS=--lf` finds them."""
    failed: dict[str, bool] = {}
    for part in parts:
        file = CACHE / part.name / "v" / "cache" / "lastfailed"
        if file.exists():
            failed |= json.loads(file.read_text(encoding="utf-8"))
    target = CACHE / "v" / "cache" / "lastfailed"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(failed), encoding="utf-8")


def main() -> int:
    begun = time.monotonic()
    parts: list[Part] = []
    broken_off = False
    try:
        start(parts)
        for part in parts:
            part.process.wait()
    except KeyboardInterrupt:
        broken_off = True  # Ctrl-C has reached all parts, and each reports what it has done so far
    codes = [part.end() for part in parts]
    report(parts, time.monotonic() - begun)
    remember(parts)
    if broken_off or 2 in codes:
        return 2
    wrong = [code for code in codes if code not in (0, 5)]
    return 1 if wrong else 5 if set(codes) == {5} else 0


if __name__ == "__main__":
    sys.exit(main())
