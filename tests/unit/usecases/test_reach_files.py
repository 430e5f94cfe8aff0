"""Whether a process gets at one file, and what closes it alone: owners, modes, capabilities, mounts, Landlock."""

from __future__ import annotations

import pytest

from stratascope.core.message import NOTHING
from stratascope.core.reach.row import Answer
from stratascope.layers.mac.facts import MacFacts
from stratascope.layers.mac.landlock import Confinement
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.landlock import File, Layer
from stratascope.linux.landlock import Place as RulePlace
from stratascope.linux.permissions import READ, SEARCH, WRITE, Permissions, Ranges, Writer
from stratascope.linux.reach import FoundFile, Place, Seen
from stratascope.usecases.reach.files import Rights, judged
from stratascope.value import replace

WHOLE: Ranges = ((0, 0, 4294967295),)
NONE = MacFacts("none", None, None)
OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits
ADMIN = CapabilitySet.of(("CAP_SYS_ADMIN",)).bits
BOTH = {"usermap", "capabilities"}  # uid 0 without capabilities may not read it either
SETUID = CapabilitySet.of(("CAP_SETUID",)).bits
MINE = Permissions(1000, 1000, 0o600)
OPEN_FOLDER, CLOSED_FOLDER = Permissions(0, 0, 0o755), Permissions(1000, 1000, 0o700)


def who(uid: int, held: int = 0, uids: Ranges = WHOLE) -> Writer:
    return Writer(uid, (uid,), uids, uids, held)


def file(*places: Place, what: str = "f", stands: str = "", item: Permissions = MINE) -> FoundFile:
    return FoundFile("ssh-keys", "/home/me/.ssh/id", what, stands, item, places)


def place(
    *way: Permissions, item: Permissions = MINE, seen: Seen = Seen.SAME, read_only: bool = False, path: str = "/keys/id"
) -> Place:
    return Place(path, seen, read_only, way or (OPEN_FOLDER,), item)


def ask(found: FoundFile, *writers: Writer, bits: int = READ, mac: MacFacts | None = NONE) -> tuple[str, set[str]]:
    verdict = judged(found, bits, Rights(tuple((each, NOTHING) for each in writers), mac))
    return verdict.answer.value, set(verdict.closed_by)


@pytest.mark.parametrize(
    ("found", "writer", "bits", "answer", "layers"),
    [
        (file(place()), who(1000), READ, "open", set()),
        (file(place()), who(1234), READ, "closed", BOTH),
        (file(place()), who(0), READ, "closed", {"capabilities"}),
        (file(place()), who(0, OVERRIDE), READ, "open", set()),
        (file(place()), who(0, SETUID), READ, "open", set()),  # it becomes its owner
        (file(place(CLOSED_FOLDER)), who(1234), READ, "closed", BOTH),
        # in a user namespace that does not have the owner no capability helps
        (file(place()), who(100000, OVERRIDE, ((0, 100000, 65536),)), READ, "closed", {"usermap"}),
        (file(), who(1000), READ, "closed", {"namespaces"}),
        (file(), who(1234), READ, "closed", {"namespaces", *BOTH}),
        (file(place(seen=Seen.OWN)), who(1000), READ, "closed", {"namespaces"}),
        (file(place(read_only=True)), who(1000), WRITE, "closed", {"namespaces"}),
        (file(place(read_only=True)), who(1000, ADMIN), WRITE, "unknown", set()),
        (file(place(read_only=True), what="s"), who(1000), WRITE, "open", set()),  # connecting writes nothing
        # its owner gives himself the right, but not through a read-only mount
        (file(place(item=Permissions(1000, 1000, 0))), who(1000), READ, "open", set()),
        (file(place(item=Permissions(1000, 1000, 0), read_only=True)), who(1000), READ, "closed", BOTH),
        (file(place(CLOSED_FOLDER, seen=Seen.BARRED)), who(1000), READ, "unknown", set()),
        (file(place(CLOSED_FOLDER, seen=Seen.BARRED)), who(1234), READ, "closed", BOTH),
        (file(place(item=OPEN_FOLDER), what="d", stands="?"), who(1234), READ | SEARCH, "unknown", set()),
        (file(place(item=CLOSED_FOLDER), what="d", stands="?"), who(1234), READ | SEARCH, "closed", BOTH),
    ],
)
def test_one_file(found: FoundFile, writer: Writer, bits: int, answer: str, layers: set[str]) -> None:
    assert ask(found, writer, bits=bits) == (answer, layers)


def test_the_best_place_and_the_best_rights_count() -> None:
    found = file(place(CLOSED_FOLDER), place(path="/other"))
    assert ask(found, who(1234), who(1000))[0] == "open"


def test_by_the_list_of_mounts_alone_it_is_only_asked() -> None:
    verdict = judged(file(place(seen=Seen.UNSEEN)), READ, Rights(((who(1000), NOTHING),), NONE))
    assert (verdict.answer, verdict.asked) == (Answer.OPEN, True)


def test_without_its_ids_nothing_is_known() -> None:
    assert ask(file(place()))[0] == "unknown"


def confined(*allowed: str) -> MacFacts:
    handled = File.READ_FILE | File.READ_DIR | File.WRITE_FILE
    rules = tuple(RulePlace(path, True, 0o040000, ((1, int(File.READ_FILE)),)) for path in allowed)
    domain = Confinement((Layer(int(handled), 0, 0),), rules, (), (0,), (), (), (), ())
    return replace(NONE, confinements=(domain,))


def test_landlock_closes_what_no_rule_allows() -> None:
    assert ask(file(place()), who(1000), mac=confined("/usr")) == ("closed", {"mac"})
    assert ask(file(place()), who(1000), mac=confined("/keys")) == ("open", set())
    # it does not restrict sockets that have a file, nor what a folder's rules do not handle
    assert ask(file(place(), what="s"), who(1000), bits=WRITE, mac=confined("/usr")) == ("open", set())
    home = file(place(item=CLOSED_FOLDER), what="d")
    assert ask(home, who(1000), bits=WRITE | SEARCH, mac=confined("/usr"))[0] == "open"


@pytest.mark.parametrize(
    "mac",
    [
        None,
        replace(NONE, may_be_landlocked=True),
        replace(NONE, system="apparmor", mode="enforce", label="strict", profile="strict"),
        replace(NONE, system="selinux", mode="enforcing", type="container_t"),
    ],
)
def test_an_unknown_policy_is_not_called_open(mac: MacFacts | None) -> None:
    assert ask(file(place()), who(1000), mac=mac)[0] == "unknown"
    assert ask(file(place()), who(1234), mac=mac) == ("closed", BOTH)


def test_a_known_profile_lets_files_through() -> None:
    known = replace(NONE, system="apparmor", mode="enforce", label="docker-default", profile="docker-default")
    assert ask(file(place()), who(1000), mac=known)[0] == "open"
