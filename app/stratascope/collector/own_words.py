"""What processes say of themselves: arguments, names of variables, files in their root. Read by a child, since they can
make that wait.

A process whose memory lies on a FUSE, or in pages that userfaultfd(2) answers for, stops whoever reads its arguments;
a root directory on a FUSE whoever opens a file there. So one child reads them all in order and writes each answer at
once. If it says nothing for a while it is killed, the process that it was at has said nothing, and the next child goes
on behind it. One that can't be killed ends when what it waits for does; until then that process is not asked again.
"""

from __future__ import annotations

import json
import os
import re
import select
import stat
import time
from contextlib import suppress
from typing import Any, Dict, Generator, Iterator, List, NamedTuple, Sequence, Tuple

from stratascope.collector import children
from stratascope.collector.paths import Sight, mount_of, reopen, unescaped
from stratascope.collector.read import CHUNK, TooLongError, open_process, read_beginning, read_file

ARGUMENTS_MAX = 1 << 16  # bytes
WORDS_MAX = 4096
ENVIRONMENT_MAX = 1 << 17
FILE_MAX = 4096
SILENCE = 0.3  # seconds for one process
SECONDS = 3.0  # for all
END_LIMIT = 0.1  # until a child that was killed has ended
STUCK_MAX = 6  # children that may be killed; then the rest has said nothing
BYTES_MAX = 8 << 20

# Below a root directory: flatpak-run(1); the container interface of systemd; Podman's; Docker's; Toolbx's
FILES = (".flatpak-info", "run/host/container-manager", "run/.containerenv", ".dockerenv", "run/.toolboxenv")
PLACES = ("/", "/usr", "/app")  # what lies there says what the root is made of
# Names of variables by which a maker or an agent is known; never what they hold
VARIABLES = frozenset(
    (
        "AGENT",
        "AI_AGENT",
        "CLAUDECODE",
        "CLAUDE_CODE_ENTRYPOINT",
        "CODEX_SANDBOX",
        "CODEX_SANDBOX_NETWORK_DISABLED",
        "CURSOR_AGENT",
        "FLATPAK_ID",
        "GEMINI_CLI",
        "GEMINI_SANDBOX",
        "OPENCODE",
        "SANDBOX",
        "SANDBOX_RUNTIME",
        "SNAP_NAME",
        "container",
        "container_uuid",
    )
)
_HIDDEN = "..."
# A secret that was handed on by a command line: the value of a variable, in a shell's script too, and of an address
_SETS = ("--setenv", "--env", "-E")
_IN_SCRIPT = re.compile(r"""(--(?:setenv|env)[= ]\w+[= ])((?:'[^']*'|"[^"]*"|[^\s'"])+)""")
_IN_ADDRESS = re.compile(r"(//|proxyauth=)[^\s/@:]+:[^\s/@'\",]+")
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_left: Dict[int, Tuple[int, int]] = {}  # children that wait for a process, and can't be killed


class Question(NamedTuple):
    """What is asked of a process. `exe`: whether the host has the same file at that path. `inside`: equal for those
    that see the same mounts.
    """

    pid: int
    start: int
    arguments: bool = False
    environment: bool = False
    files: bool = False
    exe: str = ""
    inside: Any = None


def ask(questions: Sequence[Question]) -> Iterator[Tuple[int, Dict[str, Any]]]:
    """The answers, in order; a process that ended or does not answer has none."""
    for child in list(_left):
        if children.reaped(child):
            del _left[child]
    stuck = set(_left.values())
    left = [each for each in questions if (each.pid, each.start) not in stuck]
    until = time.monotonic() + SECONDS
    for _ in range(STUCK_MAX):
        if not left or time.monotonic() > until:
            return
        heard = yield from _hear(left, until)
        if heard >= len(left):
            return
        left = left[heard + 1 :]


def _hear(questions: Sequence[Question], until: float) -> Generator[Tuple[int, Dict[str, Any]], None, int]:
    """Yield what a child says; return how many of them it came to the end of."""
    try:
        child, ours = children.start(lambda pipe, parent: _work(questions, pipe, parent))
    except OSError:
        return len(questions)
    heard, size, rest = 0, 0, b""
    poll = select.poll()
    poll.register(ours, select.POLLIN)
    try:
        while size < BYTES_MAX and poll.poll(max(0.0, min(SILENCE, until - time.monotonic())) * 1000):
            data = os.read(ours, CHUNK)
            if not data:
                return max(heard, len(questions)) if not rest else heard
            size += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                heard += 1
                if line:
                    with suppress(ValueError, IndexError):
                        yield questions[heard - 1].pid, json.loads(line.decode("ascii"))
        return heard if size < BYTES_MAX else len(questions)
    finally:
        os.close(ours)
        if not children.stopped(child, END_LIMIT) and heard < len(questions):
            _left[child] = questions[heard].pid, questions[heard].start


def _work(questions: Sequence[Question], pipe: int, parent: int) -> None:
    """The child: one line each, empty if there is nothing to say. It must never return into its parent's code."""
    code = 1
    try:
        children.as_child(parent)
        children.close_all_but(pipe)
        sights: Dict[Any, Sight] = {}
        for question in questions:
            found = answer_to(question, sights)
            line = (json.dumps(found).encode("ascii") if found else b"") + b"\n"
            while line:
                line = line[os.write(pipe, line) :]
        code = 0
    finally:
        os._exit(code)


def answer_to(question: Question, sights: Dict[Any, Sight]) -> Dict[str, Any]:
    """In the child: what was asked, as far as it can be read. `sights`: what was found of mounts, by `inside`."""
    found: Dict[str, Any] = {}
    try:
        directory = open_process(question.pid)
    except OSError:
        return found
    try:
        text = read_file("stat", directory)
        if int(text[text.rfind(")") + 1 :].split()[19]) != question.start:
            return found
        if question.arguments:
            said = _words("cmdline", directory, ARGUMENTS_MAX)
            if said is not None:
                found["argv"] = without_values(said[:WORDS_MAX])
        if question.environment:
            said = _words("environ", directory, ENVIRONMENT_MAX)
            if said is not None:
                found["environment"] = sorted(VARIABLES.intersection(each.partition("=")[0] for each in said))
        if question.files or question.exe:
            mountinfo = read_file("mountinfo", directory) if question.files or question.inside not in sights else ""
            if question.inside not in sights:
                sights[question.inside] = Sight(process=str(question.pid), mountinfo=mountinfo)
            if question.files:
                found.update(_files(question.pid, sights[question.inside], mountinfo))
            if question.exe:
                if None not in sights:
                    sights[None] = Sight()
                found["hosts_exe"] = _of_host(question, sights[question.inside], sights[None])
    except (OSError, TooLongError, ValueError, IndexError):
        pass
    finally:
        os.close(directory)
    return found


def without_values(words: List[str]) -> List[str]:
    """The same without the values of variables and the passwords of addresses that are handed on in them."""
    found = list(words)
    for place, word in enumerate(words):
        name, _, rest = word.partition("=")
        if word in _SETS and place + 1 < len(words):
            inside, equals, _ = words[place + 1].partition("=")
            if equals:
                found[place + 1] = inside + "=" + _HIDDEN
            elif place + 2 < len(words) and word == "--setenv":
                found[place + 2] = _HIDDEN
        elif name in _SETS and "=" in rest:
            found[place] = "%s=%s=%s" % (name, rest.partition("=")[0], _HIDDEN)
    return [_masked(word) for word in found]


def _masked(word: str) -> str:
    for found in (_IN_SCRIPT, _IN_ADDRESS):
        word = found.sub(lambda hit: str(hit.group(1)) + _HIDDEN, word)
    return word


def _words(name: str, directory: int, most: int) -> Any:
    """Words that end in a zero each; None if they may not be read. What goes beyond the limit is left out."""
    try:
        data = read_beginning(name, directory, most)
    except OSError:
        return None
    words = data.decode("utf-8", "surrogateescape").split("\0")
    return words[:-1] if words[-1] == "" else words


def _files(pid: int, sight: Sight, mountinfo: str) -> Dict[str, Any]:
    """The signs that lie in its root directory, and what that is made of."""
    found: Dict[str, Any] = {}
    lies = {}
    for line in mountinfo.split("\n"):
        words = line.split(" ", 5)
        if len(words) > 5 and words[4] in PLACES:
            lies[words[4]] = unescaped(words[3])[:FILE_MAX]  # a later mount hides an earlier one
    if lies:
        found["mounts"] = lies
    texts = {}
    for path in FILES:
        with suppress(OSError):
            text = _text("/proc/%d/root" % pid, path, sight)
            if text is not None:
                texts[path] = text
    if texts:
        found["files"] = texts
    return found


def _text(root: str, path: str, sight: Sight) -> Any:
    """The beginning of a regular file below the root, without links on the way; None if there is none."""
    way: List[int] = [os.open(root, os.O_PATH | os.O_CLOEXEC)]
    try:
        if sight.mount(way[0]) is None:
            return None
        for part in path.split("/"):
            way.append(os.open(part, _PLACE, dir_fd=way[-1]))
            if sight.mount(way[-1]) is None:
                return None
        if not stat.S_ISREG(os.fstat(way[-1]).st_mode):
            return None
        descriptor = reopen(way[-1], os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(descriptor, FILE_MAX).decode("utf-8", "surrogateescape")
        finally:
            os.close(descriptor)
    finally:
        for descriptor in way:
            os.close(descriptor)


def _of_host(question: Question, sight: Sight, own: Sight) -> bool:
    """Whether its executable is the file that the host has at that path."""
    theirs = os.open("/proc/%d/exe" % question.pid, os.O_PATH | os.O_CLOEXEC)
    try:
        number = mount_of(theirs)
        if number is None or sight.silent(number):
            return False  # what is on a mount that was left behind has to answer in time
        try:
            ours = own.answering(question.exe)
        except OSError:
            return False
        try:
            return os.path.samestat(os.fstat(theirs), os.fstat(ours))
        finally:
            os.close(ours)
    finally:
        os.close(theirs)
