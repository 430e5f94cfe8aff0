"""A shell's text taken apart into commands of words, each word with its line. Nothing is expanded and nothing is run.

As POSIX quotes (XCU 2.2): single and double quotes, backslashes, lines that go on. What a shell would put in the place
of `$NAME`, `$(…)` and the like is not known here: the word keeps its text, and the place is named.
"""

from __future__ import annotations

import re

from stratascope.value import Value

_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[^}\n]{0,200}\}|\(|[0-9@*#?$!-])")
_ENDS = frozenset(";&|\n()")
_MOST = 20_000  # words of one text


class Word(Value):
    """`variables`: those parts of it that a shell would replace, as they are written. `span`: where it stands."""

    text: str
    line: int
    variables: tuple[str, ...] = ()
    quoted: bool = False
    span: tuple[int, int] = (0, 0)


class ShellError(Exception):
    """A text that no shell would take; `what` is an open quote, or `many`."""

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
        """What a shell would replace is kept as it stands; a `$(…)` with all that is in it."""
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
        if not text.startswith("`#"):  # a comment among options, which leaves no word
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
