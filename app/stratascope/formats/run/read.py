"""Parse `docker run` and `podman run` commands as these programs do (pflag): options end at the image."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratascope.core import shell_quote
from stratascope.core.container import ENGINES, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import GivenOption, Position, Problem, Service, Typed, taken_apart
from stratascope.core.options.values import FLAG, true
from stratascope.formats.text import MOST_SERVICES, Counted, Read, TooMuchError, few_enough
from stratascope.value import Value, replace

COMMAND_LINE = "command line"  # the file's name for a command that is in no file
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=").match
_BEFORE = frozenset(
    ("sudo", "exec", "nohup", "time", "command", "$", "%", "env", "doas", "then", "do", "else", "if", "!")
)
_KEY = re.compile(r"^(?:services|include|apiVersion)\s*:", re.M).search
_PROGRAM = re.compile(r"(?:^|[\s/;&|$(])(?:docker|podman)(?=\s)").search
_VERB = re.compile(r"\b(?:run|create)\b").search
_VERBS = frozenset(("run", "create"))
# Options of `docker` and `podman` themselves that take a value, between the program and `run`
_OF_PROGRAM = frozenset(
    (
        *("config", "context", "host", "log-level", "tlscacert", "tlscert", "tlskey", "c", "H", "l"),
        *("cgroup-manager", "conmon", "connection", "events-backend", "hooks-dir", "identity", "imagestore", "module"),
        *("namespace", "network-cmd-path", "network-config-dir", "out", "root", "runroot", "runtime", "runtime-flag"),
        *("ssh", "storage-driver", "storage-opt", "tmpdir", "url", "volumepath"),
    )
)


def read(text: str, file: str) -> Read:
    """All run commands of a text, such as a script. Raises TooMuchError."""
    try:
        found = commands(text)
    except ShellError as error:
        place = Position(file, error.line)
        if error.what == "many":
            return Read(problems=(Problem(place, msg("There are too many words for one command."), True),))
        text_ = msg("The quote {mark} that begins here is never closed.", mark=error.what)
        return Read(problems=(Problem(place, text_, True),))
    return _all(found, file)


def read_words(words: Sequence[str]) -> Read:
    """Read one command already split into words."""
    try:
        return _all([[Word(word, 1) for word in words]], COMMAND_LINE)
    except TooMuchError as error:
        return Read(problems=(Problem(error.place, error.message, True),))


def read_options(words: Sequence[str], kind: EngineKind, place: Position) -> tuple[list[GivenOption], list[Problem]]:
    """Read options alone, all at that position; ignores what follows them. Raises TooMuchError."""
    said, problems, _ = read_items([Word(word, place.line) for word in words], kind, place.file)
    return [replace(each, span=None) for each in said], problems


def read_items(
    words: Sequence[Word], kind: EngineKind, file: str
) -> tuple[list[GivenOption], list[Problem], Sequence[Word]]:
    """Read options alone, each with the span of its words; and the words that follow them. Raises TooMuchError."""
    line = _Line(kind, file, words[0] if words else Word("", 0))
    end = line.options(words)
    return line.said, line.problems, words[end:]


def is_run(text: str) -> bool:
    """Whether a text contains a run command, and is not YAML that only mentions one."""
    if _KEY(text):
        return False
    for line in text.replace("\\\n", " ").split("\n"):
        found = _PROGRAM(line)
        if found is not None and _VERB(line, found.end()):
            return True
    return False


def _all(found: Sequence[Sequence[Word]], file: str) -> Read:
    services: list[Service] = []
    problems: list[Problem] = []
    counted = Counted()
    for command in found:
        rest = _after_program(command)
        if rest is not None and len(services) < MOST_SERVICES:
            kind, words, first = rest
            one = _Line(kind, file, first).read(words, len(services))
            for each in one.services:
                counted.take(each.said, each.place)
            services += one.services
            problems += one.problems
    if not services and not problems:
        what = msg("There is no run command here: docker run …, podman run …, or the create of either.")
        problems.append(Problem(Position(file, 0), what, True))
    return Read(tuple(services), tuple(problems))


def _after_program(words: Sequence[Word]) -> tuple[EngineKind, Sequence[Word], Word] | None:
    """The engine and what follows `run`; None for any other command."""
    at = 0
    while at < len(words) and (words[at].text in _BEFORE or _ASSIGNMENT(words[at].text)):
        at += 1
        while at < len(words) and words[at - 1].text in ("sudo", "doas", "env") and words[at].text.startswith("-"):
            at += 1
    if at >= len(words):
        return None
    program = words[at].text.rpartition("/")[2]
    if program not in ENGINES:
        return None
    first, at = words[at], at + 1
    while at < len(words) and words[at].text.startswith("-"):
        name = words[at].text.lstrip("-")
        at += 2 if name in _OF_PROGRAM else 1
    if at < len(words) and words[at].text == "container":
        at += 1
    if at >= len(words) or words[at].text not in _VERBS:
        return None
    return EngineKind(program), words[at + 1 :], first


class _Line:
    def __init__(self, kind: EngineKind, file: str, first: Word) -> None:
        self._kind, self._file, self._place = kind, file, Position(file, first.line)
        self.said: list[GivenOption] = []
        self.problems: list[Problem] = []

    def options(self, words: Sequence[Word]) -> int:
        """Read the options; returns the index where they end."""
        found, end = taken_apart([word.text for word in words], self._kind)
        for each in found:
            self._take(each, words)
        return end

    def read(self, words: Sequence[Word], number: int) -> Read:
        rest = words[self.options(words) :]
        if not rest:
            what = msg("The command names no image.")
            return Read(problems=(*self.problems, Problem(self._place, what, True)))
        names = [said.value for said in self.said if said.name == "name" and said.value]
        service = Service(
            name=names[-1] if names else _name_of(rest[0].text, number),
            place=self._place,
            image=rest[0].text,
            said=tuple(self.said),
            kind=self._kind,
            words=(
                *(word.text for word in rest[1:]),
                *(said.value for said in self.said if said.name in ("env", "entrypoint") and said.value),
            ),
            options_end=rest[0].span[0],
        )
        return Read((service,), tuple(self.problems))

    def _take(self, each: Typed, words: Sequence[Word]) -> None:
        option, place, last = each.option, Position(self._file, words[each.at].line), words[each.end - 1]
        if option is None:
            self._problem(
                place, msg("{program} run has no option {option}.", program=self._kind.value, option=each.name)
            )
        elif each.lacks:
            self._problem(place, msg("The option {option} has no value.", option=f"--{option.name}"))
        elif option.form is FLAG and true(each.value) is None:
            self._problem(place, msg("{value} is neither true nor false.", value=each.value or ""))
        else:
            span = (words[each.at].span[0], last.span[1]) if each.alone else None
            self.said.append(GivenOption(option.name, each.value, place, span))
            few_enough(self.said, place)
            for variable in last.variables if option.touches else ():
                what = msg("{what} is left as it is: nothing is taken from the environment.", what=variable)
                self.problems.append(Problem(place, what, unread=True))

    def _problem(self, place: Position, what: Message) -> None:
        self.problems.append(Problem(place, what))


def _name_of(image: str, number: int) -> str:
    """A name for a container without one, after its image."""
    plain = image.partition("@")[0].rpartition("/")[2].partition(":")[0] or "container"
    return plain if number == 0 else f"{plain}-{number + 1}"


# -- splitting a script into words, each with its line; nothing is expanded or run

_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[^}\n]{0,200}\}|\(|[0-9@*#?$!-])")
_ENDS = frozenset(";&|\n()")
_MOST = 20_000  # words of one text


class Word(Value):
    """One word. `variables`: the parts that a shell would expand, as written. `span`: its start and end in the text."""

    text: str
    line: int
    variables: tuple[str, ...] = ()
    quoted: bool = False
    span: tuple[int, int] = (0, 0)


class ShellError(Exception):
    """A text that no shell would accept; `what`: an open quote, or `many`."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line, self.what = line, what


def commands(text: str) -> list[list[Word]]:
    """All commands of a text, in order. Raises ShellError."""
    return _Shell(text).run()


class _Shell:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1
        self._commands: list[list[Word]] = [[]]
        self._letters: list[str] | None = None
        self._variables: list[str] = []
        self._begun, self._quoted, self._count = 1, False, 0
        self._from = self._step_at = 0

    def run(self) -> list[list[Word]]:
        while self._at < len(self._text):
            self._step_at = self._at
            self._step(self._text[self._at])
        self._step_at = len(self._text)
        self._end_word()
        return [command for command in self._commands if command]

    def _step(self, letter: str) -> None:
        if letter == "\\":
            self._backslash()
        elif letter in "'\"":
            self._quote(letter)
        elif letter == "#" and self._letters is None:
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end
        elif letter in "$`":
            self._variable()
        elif letter in _ENDS:
            self._end_word()
            self._take()
            self._commands.append([])
        elif letter.isspace():
            self._end_word()
            self._take()
        else:
            self._add(self._take())

    def _take(self) -> str:
        letter = self._text[self._at]
        self._at += 1
        if letter == "\n":
            self._line += 1
        return letter

    def _add(self, text: str) -> None:
        if self._letters is None:
            self._letters, self._begun, self._from = [], self._line, self._step_at
        self._letters.append(text)

    def _end_word(self) -> None:
        if self._letters is None:
            return
        self._count += 1
        if self._count > _MOST:
            raise ShellError(self._begun, "many")
        span = (self._from, self._step_at)
        word = Word("".join(self._letters), self._begun, tuple(self._variables), self._quoted, span)
        self._commands[-1].append(word)
        self._letters, self._variables, self._quoted = None, [], False

    def _backslash(self) -> None:
        self._at += 1
        if self._at < len(self._text):
            if self._text.startswith("\r\n", self._at):
                self._at += 1
            letter = self._take()
            if letter != "\n":
                self._add(letter)

    def _quote(self, mark: str) -> None:
        begun = self._line
        self._add("")
        self._quoted = True
        self._at += 1
        while True:
            if self._at >= len(self._text):
                raise ShellError(begun, mark)
            letter = self._text[self._at]
            if letter == mark:
                self._at += 1
                return
            if mark == '"' and letter == "\\" and self._text[self._at + 1 : self._at + 2] in tuple('$`"\\\n'):
                self._backslash()
            elif mark == '"' and letter in "$`":
                self._variable()
            else:
                self._add(self._take())

    def _variable(self) -> None:
        """Keep an expansion as written; a `$(…)` with its whole content."""
        begun = self._at
        if self._text[begun] == "`":
            end = self._text.find("`", begun + 1)
            end = len(self._text) if end < 0 else end + 1
        elif (found := _VARIABLE.match(self._text, begun)) is None:
            self._add(self._take())
            return
        elif found[0] == "$(":
            end = _closing(self._text, found.end())
        else:
            end = found.end()
        text = self._text[begun:end]
        if not text.startswith("`#"):  # `#…`: a comment among options, which expands to no word
            self._add(text)
            self._variables.append(text)
        self._line += text.count("\n")
        self._at = end


def _closing(text: str, at: int) -> int:
    depth = 1
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


# -- editing a run command: removed options are cut out, new ones are inserted in front of the image


def rewritten(text: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    old, new = change.old, _words(change)
    if old is not None:
        if old.span is None:
            raise UnwritableError(old.name)
        start, end = old.span
        return text[:start] + new + text[end:] if new else _without(text, start, end)
    if service.options_end is None:
        raise UnwritableError(change.name)
    at = service.options_end
    line = text[text.rfind("\n", 0, at) + 1 : at]
    joint = f" \\\n{line}" if not line.strip() and "\n" in text[:at] else " "
    return text[:at] + new + joint + text[at:]


def _words(change: Change) -> str:
    if not change.name:
        return ""
    if change.value == "true":
        return f"--{change.name}"
    if "$" in change.value or "`" in change.value:  # the shell would expand it
        quoted = change.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'--{change.name} "{quoted}"'
    return f"--{change.name} {shell_quote.word(change.value)}"


def _without(text: str, start: int, end: int) -> str:
    """Remove this span, and its line if nothing else is on it."""
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    begin = text.rfind("\n", 0, start) + 1
    if not text[begin:start].strip() and text[end : end + 2] == "\\\n" and begin:
        return text[:begin] + text[end + 2 :]
    return text[:start] + text[end:]
