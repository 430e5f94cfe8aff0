"""All rows of what a process can get at.

Files and sockets are judged each by itself (`files`); a row is the worst of its own. What the catalogue of threats has
is taken from there: processes, devices, metadata, user namespaces. *Closed* is said only where no other way is open: a
process that could take over the machine gets at every file of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stratascope.collector.names import HOST_PROGRAMS, VARIABLES
from stratascope.collector.reach_places import FILES
from stratascope.core.capture import Gap, or_none
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import STRATA, Answer, Group, Known, Reached, ReachRow, Thing
from stratascope.core.reach.things import BY_ID, INWARD, THINGS
from stratascope.core.sandboxes.hidden import was_to_hide
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import DIRECT, SIGNAL_CALLS
from stratascope.core.threats.needs import Shares, SignalRoot
from stratascope.core.threats.states import ThreatState
from stratascope.core.threats.threat import Basis, Outcome, Stance
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.programs import Asks, by_sudo, startable
from stratascope.layers.mac.facts import MacFacts
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.host_paths import socket_maker
from stratascope.linux.descriptors import WORKING_DIRECTORY, Descriptor
from stratascope.linux.permissions import READ, SEARCH, WRITE
from stratascope.linux.process import parse_host_programs
from stratascope.linux.reach import HELD, Found, FoundFile, Place, Seen
from stratascope.usecases.reach import bridges, files, filtered, network, ports, remedies
from stratascope.usecases.reach.files import Rights, Verdict
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace

_CONTAINERD = "containerd-socket"
# Further ways than those that take the machine over: as one of its users; and to its files and sockets alone
_AS_USER = ("order-user-session",)
_TO_FILES = (*_AS_USER, "enter-same-user-process", "plant-set-uid-on-host")
_ENGINE = "use-engine-socket"
_THROUGH_ANOTHER = "enter-foreign-process"
_OF_FILES = (Group.CREDENTIALS, Group.SOCKETS, Group.FILES)
_OTHERWISE = (Group.NETWORK, Group.PROCESSES, Group.DEVICES)
_THREATS = {
    "host-processes": ("see-host-processes",),
    "signal-others": ("signal-host-process",),
    "trace-others": (
        *("enter-host-process", "enter-host-user-process", "enter-same-user-process", "enter-foreign-process"),
        "take-over-privileged-process",
    ),
    "host-disks": ("open-host-disk", "mount-host-devices"),
    "devices": (
        *("use-input-devices", "use-consoles", "open-host-memory-device", "use-machine-devices"),
        *("use-graphics-device", "run-virtual-machines"),
    ),
    "abstract-sockets": ("reach-abstract-sockets",),
    "set-uid": ("set-uid-file-gains-root", "regain-by-exec"),
    "new-user-namespace": ("new-user-namespace",),
}
_FOLDERS = {
    "home": (("home-read", READ | SEARCH), ("home-write", WRITE | SEARCH)),
    "system": (("system-write", WRITE | SEARCH),),
}
_WHAT = {place.id: place.what for place in FILES}


def reached(subject: Judged) -> Reached:
    """Everything that is known to be there, one row a kind, in the order of `THINGS`."""
    rows: dict[str, ReachRow] = {}
    gaps: list[Message] = []
    found = subject.found
    if isinstance(found, Gap):
        gaps.append(msg("Which files of this machine it has could not be read."))
    else:
        if not found.seen:
            gaps.append(msg("Its files could not be looked at: what is said of them is by its list of mounts."))
        for row in _by_files(subject, found):
            rows[row.thing.id] = row
    by_network = (*network.rows(subject), *ports.rows(subject))
    for row in (*_by_threats(subject), *by_network, *_secrets(subject), *_outside(subject)):
        rows[row.thing.id] = row
    for row in (*_by_sudo(subject, rows), *_engine(subject, rows)):
        rows[row.thing.id] = row
    for row in bridges.rows(subject, _rights(subject), filtered.by_filter(subject, filtered.UNIX), rows):
        rows[row.thing.id] = row
    engine = any(each in rows and rows[each].answer is Answer.OPEN for each in remedies.ENGINES)
    chains = {group: _chain(subject, engine, files=True) for group in _OF_FILES}
    chains |= {group: _chain(subject, engine, files=False) for group in _OTHERWISE}
    ordered = [remedies.added(rows[thing.id], subject) for thing in THINGS if thing.id in rows]
    return Reached(tuple(_by_detour(row, chains.get(row.thing.group)) for row in ordered), tuple(gaps))


def _by_files(subject: Judged, found: Found) -> Iterator[ReachRow]:
    rights = _rights(subject)
    connecting = filtered.by_filter(subject, filtered.UNIX)
    opening, changing = (_by_filter(subject, ways) for ways in (filtered.FILES, filtered.FOLDERS))
    facts = subject.facts("namespaces")
    held = facts.descriptors or () if isinstance(facts, NamespacesFacts) else ()
    for place in FILES:
        own = [_held(file, found, held) for file in found.files if file.kind == place.id]
        if place.what == "d":
            for name, bits in _FOLDERS[place.id]:
                also = opening if bits & READ else changing
                yield from _row(subject, BY_ID[name], own, rights, bits, also, cut=place.id in found.cut)
            if place.id == "home":
                yield from _given(own, rights)
            continue
        bits = READ if place.what == "f" else WRITE
        also = connecting if place.what == "s" else opening
        yield from _row(subject, BY_ID[place.id], own, rights, bits, also, cut=place.id in found.cut)


def _by_filter(subject: Judged, ways: tuple[filtered.Needs, ...]) -> Verdict:
    """Hardly a filter that was not read refuses all of these."""
    found = filtered.by_filter(subject, ways)
    return Verdict(Answer.OPEN) if found.answer is Answer.UNKNOWN and not found.indirect else found


def _held(file: FoundFile, found: Found, held: tuple[Descriptor, ...]) -> FoundFile:
    """With where it has it by a folder that it holds open, which leads to all of the machine's."""
    places = []
    for each in held:
        path = HELD + (each.number if each.number == WORKING_DIRECTORY else f"fd/{each.number}")
        if each.kind == "d" and each.of_host:
            below = _is_below(file.path, each.path)
            homes = [folder for folder in found.files if folder.kind == "home" and _is_below(file.path, folder.path)]
            way = () if below else tuple(folder.item for folder in homes)
            places.append(Place(path, Seen.SAME, False, way, file.item))
    return replace(file, places=(*file.places, *places)) if places else file


def _is_held(place: Place | None) -> bool:
    """Whether that is by what it holds open: another process can't try it, and no mount hides it."""
    return place is not None and place.path.startswith(HELD)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _rights(subject: Judged) -> Rights:
    mac = subject.facts(files.MAC)
    return Rights(subject.writers, mac if isinstance(mac, MacFacts) else None)


def _row(
    subject: Judged,
    thing: Thing,
    own: list[FoundFile],
    rights: Rights,
    bits: int,
    also: Verdict | None = None,
    *,
    cut: bool,
) -> Iterator[ReachRow]:
    """The worst of these files; nothing if there are none. `also`: what closes all of them."""
    judged = [(file, _with(files.judged(file, _bits(file, bits), rights), also)) for file in own]
    if not judged:
        if cut:
            yield ReachRow(thing, Answer.UNKNOWN, "", why=ports.CUT)
        return
    order = (Answer.OPEN, Answer.UNKNOWN, Answer.CLOSED)
    judged.sort(key=lambda item: (order.index(item[1].answer), not _was_to_hide(subject, *item)))
    file, worst = judged[0]
    same = sum(1 for _, each in judged if each.answer is worst.answer) - 1
    if worst.answer is Answer.CLOSED:
        closed = frozenset.intersection(*(each.closed_by for _, each in judged)) or worst.closed_by
        if cut:
            yield ReachRow(thing, Answer.UNKNOWN, file.path, why=ports.CUT)
            return
        yield ReachRow(
            thing, Answer.CLOSED, file.path, _ordered(closed), _known(worst), source=_source(subject), more=same
        )
        return
    why = worst.why if worst.why.id else _elsewhere(file, worst)
    to_hide = worst.answer is Answer.OPEN and _was_to_hide(subject, file, worst)
    if to_hide:
        why = msg(
            "Its maker was told to hide it, and it is within reach all the same: as {path}.", path=_path(file, worst)
        )
    row = ReachRow(thing, worst.answer, file.path, (), _known(worst), why, _source(subject), more=same)
    row = replace(row, indirect=worst.indirect or _is_held(worst.place), to_hide=to_hide)
    opened = [place for file, each in judged if each.answer is Answer.OPEN for place in file.places]
    places = [place.path for place in opened if not _is_held(place)]
    if file.what == "d":
        yield replace(row, folders=tuple(dict.fromkeys(places)))
    else:
        yield replace(row, hides=tuple(dict.fromkeys(_to_hide(thing, path) for path in places)))


def _was_to_hide(subject: Judged, file: FoundFile, verdict: Verdict) -> bool:
    """Whether its maker was told to hide it, there or where it lies on the machine."""
    container = subject.state.container
    if container.sandbox is None:
        return False
    return any(was_to_hide(path, container.sandbox, container.asked) for path in {file.path, _path(file, verdict)})


def _path(file: FoundFile, verdict: Verdict) -> str:
    return file.path if verdict.place is None else verdict.place.path


# Kinds that have folders of their own, in which nothing else lies that a program would need
_FOLDERS_ALONE = ("ssh-keys", "gpg", "aws", "gcloud", "azure", "keyring", "password-store", "browser", "tls-keys")
_PARTS = {".config": 2, ".local": 3, ".var": 3, "snap": 2}  # how many names say whose folder it is


def _to_hide(thing: Thing, path: str) -> str:
    """The folder of such files that it lies in, with a slash at the end, if there is one; else the file."""
    folders = path.split("/")[:-1]
    if thing.id not in _FOLDERS_ALONE:
        return path
    if path.startswith("/etc/"):
        return "/".join(folders) + "/"
    for number, name in enumerate(folders):
        if name.startswith(".") or name == "snap":
            own = folders[: number + _PARTS.get(name, 1)]
            return "/".join(own) + "/" if len(own) == number + _PARTS.get(name, 1) else path
    return path


def _bits(file: FoundFile, bits: int) -> int:
    """A folder that stands for what lies in it: whether it can be listed, or passed."""
    return READ | SEARCH if file.stands else bits


def _with(one: Verdict, also: Verdict | None) -> Verdict:
    """Both are asked by the kernel, and either may refuse."""
    if also is None or one.answer is Answer.CLOSED or (also.answer is Answer.OPEN and not also.indirect):
        return one if also is None else replace(one, closed_by=one.closed_by | also.closed_by)
    if also.answer is Answer.CLOSED:
        return replace(one, answer=Answer.CLOSED, closed_by=one.closed_by | also.closed_by)
    answer = Answer.UNKNOWN if Answer.UNKNOWN in (one.answer, also.answer) else Answer.OPEN
    return replace(one, answer=answer, why=also.why, indirect=one.indirect or also.indirect)


def _given(own: list[FoundFile], rights: Rights) -> Iterator[ReachRow]:
    """Folders below a home that it was given: needed, and so not counted."""
    parts = []
    for file in own:
        for place in file.places:
            if place.seen is Seen.PART:
                alone = replace(file, places=(place,))
                if files.judged(alone, READ, rights, (Seen.PART,)).answer is not Answer.CLOSED:
                    verdict = files.judged(alone, WRITE | SEARCH, rights, (Seen.PART,))
                    parts.append((place.path, verdict.answer))
    if parts:
        writable = [path for path, answer in parts if answer is Answer.OPEN]
        why = NOTHING if writable else msg("It can only read them.")
        row = ReachRow(BY_ID["project"], Answer.NEEDED, (writable or [parts[0][0]])[0], why=why, more=len(parts) - 1)
        yield replace(row, folders=tuple(dict.fromkeys(writable)))


def _by_detour(row: ReachRow, chain: tuple[Answer, Message] | None) -> ReachRow:
    """What is closed by itself, where another way leads there."""
    if chain is None or row.thing.id in INWARD:
        return row
    answer, why = chain
    if row.answer is not Answer.CLOSED and (row.answer, answer) != (Answer.UNKNOWN, Answer.OPEN):
        return row
    return replace(row, answer=answer, closed_by=(), why=why, source="", indirect=True)


def _chain(subject: Judged, engine: bool, *, files: bool) -> tuple[Answer, Message] | None:
    """Another way to all of the machine, or to all of its files, if one is open; or not known to be closed. `engine`:
    whether it reaches an engine's socket, by whatever way.
    """
    matrix = subject.state.matrix
    if matrix is None:
        return Answer.UNKNOWN, _OTHERS
    further = _TO_FILES if files else _AS_USER
    every = [each for each in matrix.threats if each.threat.severity is Severity.CRITICAL or each.threat.id in further]
    for each in every:
        if each.outcome is Outcome.OPEN or (engine and each.threat.id == _ENGINE):
            return Answer.OPEN, msg("By a detour: {threat}.", threat=each.threat.title)
    unknown = next((each for each in every if each.outcome is Outcome.UNKNOWN), None)
    if unknown is None and files:
        # which files of this machine the other container has is not looked at
        through = subject.threat(_THROUGH_ANOTHER)
        unknown = None if through is None or through.outcome is Outcome.STOPPED else through
    return (
        None
        if unknown is None
        else (Answer.UNKNOWN, msg("Perhaps by a detour: {threat}.", threat=unknown.threat.title))
    )


def _by_threats(subject: Judged) -> Iterator[ReachRow]:
    for name, threats in _THREATS.items():
        states = [state for each in threats if (state := subject.threat(each)) is not None]
        if states:
            row = by_threat(BY_ID[name], states, subject)
            also = {
                "signal-others": _own_users,
                "set-uid": _with_programs,
                "host-processes": _by_another_proc,
                "abstract-sockets": _by_sockets,
            }
            more = also.get(name)
            yield row if more is None else more(row, subject)


def _with_programs(row: ReachRow, subject: Judged) -> ReachRow:
    """With the programs that it may start; those that do what they are told come first. Where they have no effect,
    they are not named.
    """
    facts = subject.facts("capabilities")
    if row.answer is Answer.CLOSED or not isinstance(facts, CapabilityFacts) or facts.giving is None:
        return row
    held = 0 if facts.permitted is None else facts.permitted.bits
    paths = [each.path for some in startable(facts.giving, facts.who, held) for each in some if each.root]
    return replace(row, where=paths[0], more=len(paths) - 1) if paths else row


def _engine(subject: Judged, rows: Mapping[str, ReachRow]) -> Iterator[ReachRow]:
    """An engine's socket that lies elsewhere than is usual, or is shown under another name."""
    facts, state = subject.facts("namespaces"), subject.threat(_ENGINE)
    if not isinstance(facts, NamespacesFacts) or not facts.engine_sockets or state is None:
        return
    path = facts.engine_sockets[0]
    row = replace(by_threat(BY_ID[_of_engine(path, facts, subject)], [state], subject), where=path)
    now = rows.get(row.thing.id)
    if now is None or now.answer is Answer.CLOSED or row.rank < now.rank:
        yield row


def _of_engine(path: str, facts: NamespacesFacts, subject: Judged) -> str:
    """The row of the engine whose socket that is."""
    special = None if facts.mounts is None else facts.mounts.special
    files = {} if special is None else {each.path: each.file for each in special.files}
    around = subject.around
    if files.get(path) == around.engine.socket_file:
        maker = around.engine.kind.value
    else:
        known = next((there for file, there in around.ground.sockets if file == files.get(path)), path)
        maker = socket_maker(known).lower()
    return {"podman": "podman-socket", "containerd": _CONTAINERD, "cri-o": _CONTAINERD}.get(maker, "docker-socket")


def _by_sudo(subject: Judged, rows: Mapping[str, ReachRow]) -> Iterator[ReachRow]:
    """What its own sudo lets it start: where a set-uid program has no effect, that has none."""
    set_uid, facts = rows.get("set-uid"), subject.facts("capabilities")
    if set_uid is None or not isinstance(facts, CapabilityFacts) or facts.who.uid == 0:
        return
    row = replace(set_uid, thing=BY_ID["sudo"], where="", more=0, why=NOTHING)
    threat = subject.threat("set-uid-file-gains-root")
    if set_uid.answer is Answer.CLOSED and not (threat is not None and threat.held):  # held by those that ask, as sudo
        yield row
        return
    if facts.giving is None:
        yield replace(row, answer=Answer.UNKNOWN, why=msg("Which set-uid programs it has was not looked at."))
        return
    found = by_sudo(facts.giving, facts.who, 0 if facts.permitted is None else facts.permitted.bits)
    if found is None:
        return
    answer, closed, why = _SUDO[found[1]]
    yield replace(row, answer=answer, where=found[0].path, closed_by=closed, why=why)


_SUDO = {
    Asks.NOTHING: (Answer.OPEN, (), msg("Its rules let this user in without a password.")),
    Asks.PASSWORD: (
        Answer.UNKNOWN,
        (),
        msg("It asks for a password first; for some minutes after it was given it may not."),
    ),
    Asks.UNREAD: (Answer.UNKNOWN, (), msg("Its rules (sudoers) can be read by root only.")),
    Asks.REFUSES: (Answer.CLOSED, ("usermap",), msg("Its rules do not name this user.")),
}


def _by_sockets(row: ReachRow, subject: Judged) -> ReachRow:
    """They take a socket, whose family the filter may refuse, and there may be a way past that."""
    made = filtered.by_filter(subject, filtered.UNIX)
    if row.answer is Answer.CLOSED and row.closed_by != ("seccomp",):
        return row
    if made.answer is Answer.CLOSED:
        return replace(row, answer=Answer.CLOSED, closed_by=_ordered(made.closed_by), why=NOTHING, indirect=False)
    return replace(row, answer=made.answer, closed_by=(), why=made.why, indirect=True) if made.indirect else row


def _by_another_proc(row: ReachRow, subject: Judged) -> ReachRow:
    """By opening files of /proc. Seen from a PID namespace of its own, they are in one of the machine's elsewhere."""
    own = any(ruling.stance is Stance.STOPS for _, ruling in subject.rulings(Shares("pid")))
    return filtered.past(replace(row, indirect=True) if own else row, filtered.by_filter(subject, filtered.FILES))


def _neighbours(row: ReachRow, subject: Judged) -> ReachRow:
    """Those of a container whose PID namespace it shares: by KILL in their user namespace, or with their ids, in any;
    kill_ok_by_cred, kernel/signal.c.
    """
    facts = subject.facts("namespaces")
    if row.answer is Answer.OPEN or not isinstance(facts, NamespacesFacts) or facts.pid is None:
        return row
    if any(ruling.stance is Stance.STOPS for _, ruling in subject.rulings(SIGNAL_CALLS)):
        return row
    names, user = facts.pid.shared_with, facts.user
    if not names:
        return row
    policy = any(
        layer == files.MAC and ruling.stance in (Stance.STOPS, Stance.UNKNOWN)
        for layer, ruling in subject.rulings(SignalRoot())
    )
    sure = user is not None and (user.shared_with_host is True or not set(names).isdisjoint(user.shared_with or ()))
    states = [subject.threat(each) for each in (_THROUGH_ANOTHER, "signal-other-users")]
    able = sure and any(each is not None and each.outcome is Outcome.OPEN for each in states)
    own = {writer.uid for writer, _ in subject.writers}
    alike = [each.name for each in subject.around.peers.neighbours if each.ids is not None and each.ids[0] in own]
    name = next((each for each in alike if each in names), names[0] if able else None)
    if policy or name is None:
        why = msg("Perhaps those of {name}.", name=names[0])
        return replace(row, answer=Answer.UNKNOWN, closed_by=(), why=why, indirect=True)
    return replace(row, answer=Answer.OPEN, closed_by=(), why=msg("Those of {name}.", name=name), indirect=True)


def _own_users(row: ReachRow, subject: Judged) -> ReachRow:
    """Whoever has the machine's PID namespace can stop those of its own user too, seen or not; kill(2)."""
    row = _neighbours(row, subject)
    shares = [ruling.stance for _, ruling in subject.rulings(Shares("pid"))]
    if row.answer is Answer.OPEN or Stance.LETS_THROUGH not in shares:
        return row  # seen by another's /proc they have no number here
    refusing = [each for each in subject.rulings(SignalRoot()) if each[0] == files.MAC]
    refusing += subject.rulings(SIGNAL_CALLS)
    there = _of_its_users(subject)
    if Stance.STOPS in (*shares, *(ruling.stance for _, ruling in refusing)) or there is False:
        return row
    if there is None:
        return replace(row, answer=Answer.UNKNOWN, closed_by=(), why=msg("Perhaps those of its own user."))
    return replace(row, answer=Answer.OPEN, closed_by=(), why=msg("Those of its own user."))


def _of_its_users(subject: Judged) -> bool | None:
    """Whether programs run outside with one of its ids on the machine: user namespaces play no part in signals. None:
    not all were read.
    """
    capture = subject.state.capture
    found = None if capture is None else or_none(capture.decoded(HOST_PROGRAMS, parse_host_programs))
    ids = {writer.uid for writer, _ in subject.writers}
    if found is not None and any(each.uid in ids and not each.container for each in found.kinds):
        return True
    return False if found is not None and found.whole else None


def by_threat(thing: Thing, states: list[ThreatState], subject: Judged) -> ReachRow:
    """A row that the catalogue decides: the worst of these threats."""
    order = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.STOPPED)
    worst = min(states, key=lambda each: (order.index(each.outcome), each.threat.severity.rank))
    answer = {Outcome.OPEN: Answer.OPEN, Outcome.UNKNOWN: Answer.UNKNOWN, Outcome.STOPPED: Answer.CLOSED}[worst.outcome]
    closing = [_stopping(each) for each in states]
    closed = (
        frozenset.intersection(*closing) or closing[states.index(worst)] if answer is Answer.CLOSED else frozenset()
    )
    # which is not the way that is tried
    aside = next((item.ruling.reason for item in worst.weakest.rulings if item.ruling.aside), None)
    other = answer is not Answer.CLOSED and (aside is not None or worst.weakest.route.name != DIRECT)
    asked = any(item.ruling.basis is Basis.ASKED for item in worst.weakest.rulings)
    why = NOTHING if answer is Answer.CLOSED else msg("The way there: {threat}.", threat=worst.threat.title)
    known = Known.ASKED if asked else Known.ENFORCED
    return ReachRow(thing, answer, "", _ordered(closed), known, why, _source(subject), indirect=other)


def _stopping(state: ThreatState) -> frozenset[str]:
    return frozenset(item.layer for item in state.weakest.rulings if item.ruling.stance is Stance.STOPS)


def _secrets(subject: Judged) -> Iterator[ReachRow]:
    text = subject.capture.text(VARIABLES)
    thing = BY_ID["secret-names"]
    if isinstance(text, Gap):
        yield ReachRow(thing, Answer.UNKNOWN, "", why=msg("Its environment could not be read."))
        return
    names = [name for name in text.split("\n") if name]
    if names:
        yield ReachRow(thing, Answer.OPEN, names[0], source=_source(subject, "environ"), more=len(names) - 1)


def _outside(subject: Judged) -> Iterator[ReachRow]:
    """What its agent runs that is not confined at all: by their parent, and by what the kernel holds them to."""
    sandbox = subject.state.container.sandbox
    if sandbox is None:
        return
    for pid, program in sandbox.outside[:1]:
        why = msg("The same agent has started it, and nothing confines it.")
        where, more = f"{program} ({pid})", len(sandbox.outside) - 1
        yield ReachRow(BY_ID["outside-sandbox"], Answer.OPEN, where, why=why, source=f"/proc/{pid}/status", more=more)


def _ordered(layers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(layers, key=STRATA.index))


def _known(verdict: Verdict) -> Known:
    return Known.ASKED if verdict.asked else Known.ENFORCED


def _source(subject: Judged, name: str = "mountinfo") -> str:
    return f"/proc/{subject.capture.pid}/{name}"


def _elsewhere(file: FoundFile, verdict: Verdict) -> Message:
    place = verdict.place
    return NOTHING if place is None or place.path == file.path else msg("There as {path}", path=place.path)


_OTHERS = msg("Whether another way is open is not known.")
