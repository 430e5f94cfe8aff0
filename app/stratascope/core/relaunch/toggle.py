"""A toggle: one hardening choice. It changes the asked part of a launch spec, and knows what /proc must say then.

Toggles are listed in each layer's `toggles.py`; presets choose among them. Nothing here runs anything, and nothing
elsewhere knows a toggle by its id: what is particular about one is said in its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Any

from stratascope.core.container import Asked, Container, Engine
from stratascope.core.message import NOTHING, Message, MessageError, colon
from stratascope.core.observation.imports import Programs
from stratascope.core.observation.observation import Observation
from stratascope.core.reach.row import ReachRow
from stratascope.core.relaunch.file_owners import FileMarks, Folder
from stratascope.core.relaunch.want import Want
from stratascope.core.text import size_text, typed_size
from stratascope.value import Value, replace


class Preset(StrEnum):
    """What is chosen without naming each toggle: the plan, a part of it, or a standard to match in addition."""

    CRITICAL = "critical"  # of the plan, as little as closes all of it that is critical or high
    RECOMMENDED = "recommended"  # the plan
    RESTRICTED = "restricted"  # Pod Security Standards, restricted
    STRICT = "strict"
    PSS_BASELINE = "pss-baseline"
    PSS_RESTRICTED = "pss-restricted"
    CIS = "cis"


MORE = "+"  # begins a value that gives something in addition to what there is
GRADES = (Preset.RECOMMENDED, Preset.RESTRICTED, Preset.STRICT)  # toggles know these; each holds the one before


class Unit(StrEnum):
    """What a toggle's value counts or lists, and so how it is to be read."""

    WORD = "word"
    BYTES = "bytes"
    CAPABILITIES = "capabilities"
    PATHS = "paths"


class Cure(IntEnum):
    """How a value closes what is open. A hole is closed where it was made rather than fenced: the least is best."""

    GRANT = 0  # takes back what it was given beyond its engine's default
    PROTECTION = 1  # puts back what was switched off: filter, profile, masks
    BARRIER = 2  # anything else that is in the way: another user, fewer of the usual capabilities, a limit


class ToggleError(MessageError):
    """A value that a toggle does not take, or a toggle that this engine can't do; `message` says what to do."""


class Proven(StrEnum):
    """What /proc says of a toggle afterwards. UNKNOWN is not success."""

    ENFORCED = "enforced"
    NOT_ENFORCED = "not-enforced"
    UNKNOWN = "unknown"


class Proof(Value):
    """A toggle held against the facts of the new process."""

    outcome: Proven
    expected: Message
    found: Message
    source: str  # as a ruling's: `@status:CapEff` is below the process's own directory


class Use(StrEnum):
    """Whether a container uses what a value takes back, as far as is known."""

    USED = "used"
    UNKNOWN = "unknown"
    NOT_IMPORTED = "not-imported"  # its programs import nothing that needs it
    NOT_USED = "not-used"  # watched long enough, its start included; or nothing is there that could use it
    MEASURED = "measured"  # a limit, held against the highest use


class Evidence(Value):
    """Why a value is on or off in a plan. `by`: programs that were seen using it. `rare`: nothing is known of this
    container, and hardly any needs what is taken back: containers run so by default, or its like is for a few tools.
    `at`: when it was last seen used, in seconds since the epoch; 0.0: not known.
    """

    use: Use = Use.UNKNOWN
    why: Message = NOTHING
    by: tuple[str, ...] = ()
    rare: bool = False
    at: float = 0.0

    @property
    def used(self) -> bool:
        return self.use is Use.USED


class Learned(Value):
    """What a toggle's value should be, by what was seen of the container, and why.

    `text`: the content of a file that the value is to name, which the caller puts where the engine reads it.
    """

    value: str
    why: Message
    text: str = ""


class Alternative(Value):
    """What else would help where the container uses what a value takes back: another value of some toggle, by id; or
    words alone. `lines`: what a person changes for it, options with their signs and commands; `word`: the title of
    these.
    """

    text: Message
    choice: tuple[str, str] | None = None
    lines: tuple[str, ...] = ()
    word: Message = NOTHING


class Given(Value):
    """A value that gives something back, and what that is, in words: "Give it NET_ADMIN"."""

    value: str
    text: Message


class OwnVolume(Value):
    """A volume that the container alone writes to. `owners`: whom files there belong to, as the host counts."""

    target: str
    owners: tuple[int, ...] = ()


class Subject(Value):
    """The container that is to be hardened, and what is known of it now.

    `facts` are by layer id; None where nothing could be read. `files`: path and text of the profile files that the
    choices name, read by the caller. `changes`: paths that its writable layer holds over its image; `replaced`: those
    of them that the image has too, so that the container uses what the image put there. `listeners`:
    address and port of the host's listening TCP sockets, `bound` of its
    UDP sockets. `listens`: TCP ports on which it listens itself. `set_uid`:
    programs of its image that give the rights of their owner, or rights of their own. `nodes`: device nodes in its
    /dev that not every container has. `users`: name and user of the processes that it started first. `programs`: what
    its programs import. `made`: folders that it made itself, without those below them. `folders`: those of its image
    to which it writes, with what the image has there, owners as it counts itself. `marks`: of its `changes`;
    `lasting`: what a twin of it wrote and, started again, left as it was.
    `volumes`: names that the engine's volumes have. `own_volumes`: those whose files can be handed over to another
    user; `not_given`: of a replacement, files there that were not. Of these None: not looked at. `published`: TCP
    ports of the host that lead to it, as its engine says. `environment`: the values of its variables, which hold
    secrets. `reached`: what of the machine a sandbox gets at; None: not looked at.
    """

    UNPRINTED = ("environment",)

    container: Container
    engine: Engine
    facts: tuple[tuple[str, Any], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    changes: tuple[str, ...] | None = None
    listeners: tuple[tuple[str, int], ...] | None = None
    bound: tuple[tuple[str, int], ...] | None = None
    memory_total: int | None = None  # bytes that the engine's machine has
    listens: tuple[int, ...] | None = None
    set_uid: tuple[str, ...] | None = None
    nodes: tuple[str, ...] | None = None
    users: tuple[tuple[str, int], ...] | None = None
    programs: Programs | None = None
    published: tuple[int, ...] = ()
    seen: Observation | None = None  # what it was seen to use, of all its lives; None: it was never watched
    elsewhere: bool = False  # whether that was seen in another container of its image and command, and not in it
    replaced: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    folders: tuple[Folder, ...] | None = None
    marks: FileMarks | None = None
    lasting: tuple[str, ...] = ()
    own_volumes: tuple[OwnVolume, ...] | None = None
    not_given: tuple[str, ...] | None = None
    environment: tuple[str, ...] = ()
    reached: tuple[ReachRow, ...] | None = None

    def of(self, layer: str) -> Any:
        """The facts of one layer, None where there are none."""
        return next((facts for key, facts in self.facts if key == layer), None)

    def text_of(self, path: str) -> str | None:
        """The text of a profile file; None where it could not be read."""
        return next((text for key, text in self.files if key == path), None)


def _nothing_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    return None


def _nothing_against(subject: Subject) -> Message | None:
    return None


def _barrier(value: str, subject: Subject) -> Cure:
    return Cure.BARRIER


def _nothing_known(value: str, subject: Subject) -> Evidence:
    return Evidence()


def _not_stated(asked: Asked, subject: Subject) -> str:
    return ""


def _nothing_instead(value: str, subject: Subject) -> tuple[Alternative, ...]:
    return ()


def _shuts_nothing(value: str, subject: Subject) -> tuple[str, ...]:
    return ()


def _nothing_kept(subject: Subject) -> tuple[tuple[str, str], ...]:
    return ()


def _no_doubt(value: str, subject: Subject) -> tuple[Message, ...]:
    return ()


def _allows_nothing(want: Want, subject: Subject) -> Given | None:
    return None


def _nothing_better(subject: Subject) -> str:
    return ""


class Toggle(Value, eq=False):
    """One thing that can be chosen; with a value it is a `Choice`. There is one of each. The functions are pure.

    `check(value, subject)` raises ToggleError for a value out of range or an engine that can't; returns the value in
    its plain form. `apply(asked, value, subject)` gives the wanted options. `on(asked, subject)`: whether it is in
    effect already. `risks(value, subject)`: what it could break in this container, and why we think so.
    `prove(facts, value, subject)`: the layer's facts of the new process held against the value; facts None: UNKNOWN.
    There the subject is the replacement, with what its engine says of it and all facts of its process.
    `preset(preset, subject)`: the value that a preset of `GRADES` chooses here, None: not part of it.

    `doubts(value, subject)`: what of its programs this may break on request, which no port and no healthcheck shows; it
    counts until an exercise says otherwise. `widely(value, subject)`: that it concerns all that its programs do, and so
    takes an exercise, a healthcheck, or what it was seen doing, done again, to show that it works.

    `cure(value, subject)`: how it closes what it closes. `evidence(value, subject)`: whether the container uses what
    that value takes back: it was seen to, or its command or environment names it; it was watched long enough and did
    not. `brings`: ids and values of choices without which it closes nothing for good. `keeping(subject)`: those that
    keep what it uses, of all that the value takes back. `instead(value, subject)`: what would help where it uses that.
    `shuts(value, subject)`: ids of the things (`core.reach.things`) that a sandbox then gets at no more.

    `goes_along`: whether a value takes part in a critical threat also where another grant closes the same.

    `planned(subject)`: its value in a plan, of what is neither granted nor switched off; None: it has none there. Where
    there is no such function: what was learned, else the value of the mildest preset that has one.

    `replaces`: ids of toggles that take away one by one what this says as a whole; `stated(asked, subject)`: the value
    that comes to the same options.

    `learned(word, subject, asked)`: what the word comes to, by what was seen of the container, where all else that is
    wanted comes to `asked`; None: too little was seen, or it needs no such thing. `learned_words`: those it takes.
    `left_off(subject)`: why it is not learned of this container, whatever was seen; None: nothing speaks against it.

    `gives`: values that give back what it has not today, for the help as `values` ("off", "+CAP,CAP"). No preset
    chooses one and none is offered unless something was refused. Where `values` is empty the toggle does nothing else.
    `allows(want, subject)`: the one that would give just this in addition to what it has today; None: it can't.

    `default`: the value to offer where no preset has one and `proposed(subject)` knows none that fits this container;
    empty: the first of `values`.
    `pieces(subject)`: the values that can be chosen each for itself; several of them are joined with commas. None: what
    the strictest preset would choose, else what is offered. `single`: the title of one such value, `{name}`, where each
    is offered for itself. `word`: the title in a word or two. `keeps`: said instead of the title where the value is a
    list, `{names}`, of what is kept.
    """

    id: str
    layer: str
    title: Message
    what: Message  # one sentence: what it changes
    values: str  # for the help: "on", "BYTES", "default|FILE"
    check: Callable[[str, Subject], str]
    apply: Callable[[Asked, str, Subject], Asked]
    on: Callable[[Asked, Subject], bool]
    risks: Callable[[str, Subject], tuple[Message, ...]]
    prove: Callable[[Any, str, Subject], Proof]
    preset: Callable[[Preset, Subject], str | None]
    live: bool = False  # whether the engine can change it without a relaunch
    doubts: Callable[[str, Subject], tuple[Message, ...]] = _no_doubt
    widely: Callable[[str, Subject], tuple[Message, ...]] = _no_doubt
    cure: Callable[[str, Subject], Cure] = _barrier
    evidence: Callable[[str, Subject], Evidence] = _nothing_known
    brings: tuple[tuple[str, str], ...] = ()
    keeping: Callable[[Subject], tuple[tuple[str, str], ...]] = _nothing_kept
    instead: Callable[[str, Subject], tuple[Alternative, ...]] = _nothing_instead
    shuts: Callable[[str, Subject], tuple[str, ...]] = _shuts_nothing
    planned: Callable[[Subject], str | None] | None = None
    goes_along: bool = False
    replaces: tuple[str, ...] = ()
    stated: Callable[[Asked, Subject], str] = _not_stated
    learned: Callable[[str, Subject, Asked], Learned | None] = _nothing_learned
    learned_words: tuple[str, ...] = ()
    left_off: Callable[[Subject], Message | None] = _nothing_against
    guessed: bool = False  # whether a value of it without an observation is a guess
    default: str = ""
    proposed: Callable[[Subject], str] = _nothing_better
    gives: str = ""
    allows: Callable[[Want, Subject], Given | None] = _allows_nothing
    unit: Unit = Unit.WORD
    changes_users: bool = False  # whether its processes run as other users then
    hands_over: bool = False  # whether the files of its own volumes get the user that it starts as then
    keeps_data: bool = False  # whether it puts what the container wrote where a relaunch and its restarts keep it
    leaves_privileged: bool = False  # applied before all others, since it resets what they set
    reaches: bool = False  # whether it changes who can reach the container: never done unless a person asks for it
    overridden: bool = False  # whether it has no effect while a container stays privileged
    habit: bool = False  # whether what it takes back opens nothing: it stands with the limits
    limit: bool = False  # whether it bounds how much of something there is to use
    measure: str = ""  # and of what, where its use is measured: "memory", "cpu", "pids", "open_files"
    pieces: Callable[[Subject], tuple[str, ...]] | None = None
    single: Message | None = None
    word: Message | None = None
    keeps: Message | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Those of its values that can be typed as they are, without those that give."""
        return tuple(word for word in self.values.split("|") if word and word == word.lower())

    @property
    def placeholder(self) -> str:
        """The placeholder of a value of one's own, in capitals: BYTES, FILE; empty where there is none."""
        return next((word for word in self.values.split("|") if word != word.lower()), "")

    @property
    def taken(self) -> str:
        """All values that it takes, for the help."""
        return "|".join(filter(None, (self.values, self.gives)))

    @property
    def only_gives(self) -> bool:
        """Whether none of its values hardens."""
        return not self.values

    def __repr__(self) -> str:
        return f"Toggle({self.id!r})"

    @property
    def offered(self) -> str:
        """The value to offer where no preset has one."""
        return self.default or self.words[0]


class Choice(Value):
    """A toggle with one of its values: `memory=512m`. By the toggle's id it is made in `layers.toggles`."""

    toggle: Toggle
    value: str  # as typed; in its plain form once it is `checked`

    def __str__(self) -> str:
        return f"{self.id}={self.value}"

    @property
    def id(self) -> str:
        """Of its toggle."""
        return self.toggle.id

    @property
    def pieces(self) -> tuple[Choice, ...]:
        """Each of its values for itself, where they are chosen individually."""
        if self.toggle.single is None:
            return (self,)
        return tuple(Choice(self.toggle, value) for value in self.value.split(","))

    def checked(self, subject: Subject) -> Choice:
        """With the value in its plain form. Raises ToggleError for one out of range or an engine that can't."""
        return Choice(self.toggle, self.toggle.check(self.value, subject))

    def apply(self, asked: Asked, subject: Subject) -> Asked:
        """The options with it."""
        return self.toggle.apply(asked, self.value, subject)

    def changes(self, asked: Asked, subject: Subject) -> bool:
        """Whether it makes a difference to those options."""
        return self.apply(asked, subject) != asked

    def prove(self, facts: Any, subject: Subject) -> Proof:
        return self.toggle.prove(facts, self.value, subject)

    def risks(self, subject: Subject) -> tuple[Message, ...]:
        return self.toggle.risks(self.value, subject)

    def doubts(self, subject: Subject) -> tuple[Message, ...]:
        return self.toggle.doubts(self.value, subject)

    def widely(self, subject: Subject) -> tuple[Message, ...]:
        return self.toggle.widely(self.value, subject)

    def takes_unseen(self, subject: Subject) -> bool:
        """Whether it takes back a grant of which nothing says that it was not in use."""
        if self.widely(subject) or self.gives or self.cure(subject) is not Cure.GRANT:
            return False
        used = self.evidence(subject)
        return not used.rare and used.use not in (Use.NOT_USED, Use.NOT_IMPORTED)

    def cure(self, subject: Subject) -> Cure:
        return self.toggle.cure(self.value, subject)

    def evidence(self, subject: Subject) -> Evidence:
        return self.toggle.evidence(self.value, subject)

    @property
    def gives(self) -> bool:
        """Whether it gives something instead of taking it."""
        return self.toggle.only_gives or self.value.startswith(MORE) or self.value in self.toggle.gives.split("|")

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the calls or capabilities that it gives, where its value lists them."""
        if not self.value.startswith(MORE):
            return ()
        return tuple(word.partition(":")[0] for word in self.value.removeprefix(MORE).split(","))

    @property
    def made(self) -> bool:
        """Whether its value is made of what is known of the container: learned, or a filter of today's and one call
        more.
        """
        return self.value in self.toggle.learned_words or (
            self.toggle.placeholder == "FILE" and self.value.startswith(MORE)
        )

    @property
    def live(self) -> bool:
        """Whether the engine can change it to that without a relaunch: a limit, but not its end."""
        return self.toggle.live and self.value not in self.toggle.gives.split("|")

    @property
    def named(self) -> Message:
        """The title; where the value gives, the short word: "Fewer capabilities" would say the contrary."""
        word = self.toggle.word
        return word if word is not None and self.gives else self.toggle.title

    @property
    def titled(self) -> Message:
        """The title of the toggle with that value."""
        if self.toggle.single is None:
            return self.toggle.title
        return replace(self.toggle.single, args=(("name", self.readable),))

    @property
    def told(self) -> Message:
        """What is set, with the value."""
        which = self.toggle
        if which.keeps is not None and self.value not in which.words and not self.gives:
            return replace(which.keeps, args=(("names", self.readable),))
        if which.words == (self.value,) and not which.placeholder:  # "Remove the engine's socket: remove"
            return which.title
        return colon(self.named, self.readable)

    @property
    def file(self) -> str:
        """The path of the file that its value names; empty where it names none."""
        which, value = self.toggle, self.value
        plain = which.placeholder == "FILE" and value not in which.words and not value.startswith(MORE)
        return value if plain else ""

    @property
    def readable(self) -> str:
        """The value for reading, the same in every language: 512 MiB; CHOWN, KILL; else as it is typed."""
        value = self.value
        match self.toggle.unit:
            case Unit.BYTES if value.isascii() and value.isdigit() and value != "0":
                return size_text(int(value))
            case Unit.CAPABILITIES:
                return value.replace("CAP_", "").replace(",", ", ")
            case Unit.PATHS:
                return value.replace(",", ", ")
        return value

    @property
    def typed(self) -> str:
        """The value as a person would type it: 512m rather than 536870912, CHOWN rather than CAP_CHOWN."""
        value = self.value
        if self.toggle.unit is Unit.BYTES and value.isascii() and value.isdigit():
            return typed_size(int(value))
        return value.replace("CAP_", "") if self.toggle.unit is Unit.CAPABILITIES else value
