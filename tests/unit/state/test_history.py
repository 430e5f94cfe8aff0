"""The history on disk: one row where something changed, bounded, for its owner only, and never fatal."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rig.places import APP
from stratascope.core.history.entry import (
    Batch,
    Exposed,
    HistoryEntry,
    HistoryError,
    Image,
    Limits,
    Made,
    Part,
    PartKind,
    Run,
    Standing,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
)
from stratascope.state import history as history_file
from stratascope.state import history as kept
from stratascope.state.history import DAY, FileHistory

WEB, DB = Subject("docker", "web"), Subject("podman-rootless", "db")
PARTS: tuple[tuple[PartKind, Part], ...] = (
    (PartKind.MADE, Made("a" * 64, by_us=True)),
    (PartKind.IMAGE, Image("web:1", "sha256:12")),
    (PartKind.RUN, Run("running", 12.5, None, out_of_memory=False)),
    (PartKind.SETTINGS, ("--memory 64m", "-v /x\udc80:/y")),
    (PartKind.LIMITS, Limits(64 << 20, None, 0.5)),
    (PartKind.EXPOSED, Exposed(9.1, 4.0, root=True)),
    (PartKind.LAYERS, (("seccomp", "OPEN"),)),
    (PartKind.THREATS, ("mount-file-system",)),
    (PartKind.DRIFT, (Unlike("sh", "exec", ("capabilities.effective",)),)),
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes mounts of its own")


def batch(at: float, *parts: tuple[PartKind, Part], subject: Subject = WEB, used: tuple[UsageRow, ...] = ()) -> Batch:
    entries = tuple((subject, HistoryEntry(at, kind, part)) for kind, part in parts)
    return Batch(WatchSpan(1.0, at), entries, tuple((subject, each) for each in used))


def exposure(worst: float) -> tuple[PartKind, Part]:
    return PartKind.EXPOSED, Exposed(worst, worst)


@pytest.fixture
def store(tmp_path: Path) -> FileHistory:
    made = FileHistory(tmp_path / "state" / "history")
    assert made.claim()
    return made


def test_found_again(store: FileHistory) -> None:
    """Every part as it was written, by another program too."""
    row = UsageRow(120.0, 60.0, 1.0, 2.0, 0.5, 0.7, 3.0, 4.0, None, None)
    store.write(batch(100.0, *PARTS, used=(row,)))
    store.write(batch(200.0, exposure(5.0)))
    store.write(batch(150.0, exposure(2.0), subject=DB))
    other = FileHistory(store.folder)
    assert other.subjects() == (DB, WEB)
    assert [(each.kind, each.value) for each in other.entries(WEB)] == [*PARTS, exposure(5.0)]
    assert other.used(WEB, 0.0) == (row,)
    assert other.used(DB, 0.0) == ()
    assert other.watches(0.0) == (WatchSpan(1.0, 150.0),)
    latest = other.latest()
    assert latest[WEB] == Standing(**{kind.value: part for kind, part in (*PARTS, exposure(5.0))})  # type: ignore[arg-type]
    assert latest[DB].exposed == Exposed(2.0, 2.0)


def test_lines_of_all_begin_with_what_held_before(store: FileHistory) -> None:
    for at, worst in ((10.0, 1.0), (20.0, 2.0), (30.0, 3.0)):
        store.write(batch(at, exposure(worst)))
    store.write(batch(5.0, exposure(7.0), subject=DB))
    found = store.exposures(25.0)
    assert [each.at for each in found[WEB]] == [20.0, 30.0]
    assert [each.at for each in found[DB]] == [5.0]


def test_rows_of_use_begin_with_what_held_before(store: FileHistory) -> None:
    rows = tuple(UsageRow(float(at), 60.0, memory=float(at)) for at in (60, 120, 180))
    store.write(batch(180.0, used=rows))
    assert store.used(WEB, 150.0) == rows[1:]
    assert store.used(WEB, 1.0) == rows


def test_nothing_yet(tmp_path: Path) -> None:
    """To look makes no file."""
    empty = FileHistory(tmp_path / "history")
    assert (empty.subjects(), empty.entries(WEB), empty.watches(0.0), empty.latest()) == ((), (), (), {})
    assert not empty.folder.exists()


def test_for_its_owner_only(store: FileHistory) -> None:
    store.write(batch(1.0, *PARTS))
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    assert modes["history.db"] == modes["lock"] == 0o600
    assert set(modes.values()) == {0o600}


NASTY = ["'; DROP TABLE entry; --", '"); DELETE FROM used', "a\0b", "\udc80", "x" * 5000, "名前", "%s {0} ?", ""]


@pytest.mark.parametrize("name", NASTY)
def test_no_text_of_an_engine_is_sql(store: FileHistory, name: str) -> None:
    subject = Subject(name, name)
    store.write(batch(1.0, (PartKind.SETTINGS, (name,)), exposure(1.0), subject=subject))
    store.write(batch(2.0, exposure(3.0)))
    assert [each.kind for each in store.entries(subject)] == [PartKind.SETTINGS, PartKind.EXPOSED]
    assert store.entries(subject)[0].value == (name,)
    assert len(store.entries(WEB)) == 1
    assert len(store.subjects()) == 2


def test_one_writes_and_all_read(store: FileHistory) -> None:
    """Two windows: the second one takes over once the first has ended."""
    other = FileHistory(store.folder)
    store.write(batch(1.0, exposure(1.0)))
    assert not other.claim()
    assert len(other.entries(WEB)) == 1
    store.close()
    assert other.claim()
    other.write(batch(2.0, exposure(2.0)))
    assert len(store.entries(WEB)) == 2
    other.close()
    other.close()


def test_killed_in_the_midst_of_writing(tmp_path: Path) -> None:
    """What was told as written is there; the lock is free; and nothing is half."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom unit.state.history_batches import many\n"
        "from stratascope.state.history import FileHistory\n"
        "store = FileHistory(Path(sys.argv[1]))\nstore.claim()\n"
        "for at, each in enumerate(many()):\n    store.write(each)\n    print(at, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{APP}:{APP.parent / 'tests'}"}
    folder = tmp_path / "history"
    with subprocess.Popen(
        (sys.executable, "-c", script, str(folder)), stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        last = 0
        for line in child.stdout:
            last = int(line)
            if last == 40:
                child.send_signal(signal.SIGKILL)
                break
    store = FileHistory(folder)
    assert store.claim()
    found = [each.at for each in store.entries(WEB)]
    assert found == [float(at) for at in range(len(found))]
    assert len(found) > last
    store.write(batch(1e6, exposure(1.0)))
    assert store.trouble is None


def test_what_is_damaged_is_set_aside_and_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir(mode=0o700)
    (folder / "history.db").write_bytes(b"no database at all" * 100)
    (folder / "history.db").chmod(0o600)
    with pytest.raises(HistoryError):
        FileHistory(folder).subjects()
    store = FileHistory(folder)
    assert store.claim()
    store.write(batch(1.0, exposure(1.0)))
    assert store.trouble is not None
    assert dict(store.trouble.args)["kept"] == "history.db.damaged-1"
    assert len(store.entries(WEB)) == 1
    assert (folder / "history.db.damaged-1").read_bytes().startswith(b"no database")


def test_damage_in_the_middle(store: FileHistory) -> None:
    """Found while it is written to: told once, and the next write goes into a new one."""
    for at in range(300):
        store.write(batch(float(at), (PartKind.SETTINGS, ("x" * 500,)), exposure(1.0), subject=Subject("e", f"{at}")))
    store.close()
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    again = FileHistory(store.folder)
    assert again.claim()
    with pytest.raises(HistoryError):
        again.write(batch(1.0, *PARTS))
    again.write(batch(2.0, exposure(1.0)))
    assert [each.at for each in again.entries(WEB)] == [2.0]


@pytest.mark.parametrize("whose", ["foreign", "newer"])
def test_what_is_not_ours_is_left_alone(store: FileHistory, whose: str) -> None:
    if whose == "newer":
        store.write(batch(1.0, exposure(1.0)))
        store.close()
    else:
        store.close()
    with sqlite3.connect(store.path) as database:
        if whose == "newer":
            database.execute(f"PRAGMA user_version={history_file.VERSION + 1}")
        else:
            database.execute("CREATE TABLE cookies (name TEXT)")
    database.close()
    before = store.path.read_bytes()
    again = FileHistory(store.folder)
    assert again.claim()
    with pytest.raises(HistoryError) as told:
        again.write(batch(2.0, exposure(1.0)))
    assert "left alone" in told.value.message.id
    with pytest.raises(HistoryError):
        again.entries(WEB)
    assert store.path.read_bytes() == before


def test_rows_that_we_would_not_write_are_left_out(store: FileHistory) -> None:
    """By hand, or by another version: the rest is still good."""
    store.write(batch(1.0, exposure(1.0), used=(UsageRow(60.0, 60.0, memory=1.0),)))
    with sqlite3.connect(store.path) as database:
        for value in ("{", "[]", '{"worst": "x"}', "null", "[" * 100_000):
            database.execute("INSERT INTO entry VALUES (1, 'exposed', 2.0, ?)", (value,))
        database.execute("INSERT INTO entry VALUES (1, 'unheard-of', 2.0, '1')")
        database.execute("INSERT INTO entry VALUES (1, 'exposed', 'soon', '1')")
        database.execute("INSERT INTO used (subject, at, span, memory) VALUES (1, 120.0, 60.0, 'much')")
    database.close()
    assert [each.at for each in store.entries(WEB)] == [1.0]
    assert [each.at for each in store.used(WEB, 0.0)] == [60.0]
    store.latest()


@pytest.mark.parametrize("place", ["link", "pipe", "folder"])
def test_what_stands_in_its_place(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "history"
    folder.mkdir(mode=0o700)
    path = folder / "history.db"
    if place == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif place == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    store = FileHistory(folder)
    assert store.claim()
    with pytest.raises(HistoryError):
        store.write(batch(1.0, exposure(1.0)))
    assert not (tmp_path / "elsewhere").exists()


@as_root
@pytest.mark.parametrize("how", ["read-only", "full"])
def test_a_disk_that_takes_nothing(tmp_path: Path, how: str) -> None:
    """Told, and what is there can be read all the same."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom unit.state.history_batches import WEB, many\n"
        "from stratascope.core.history.entry import HistoryError\n"
        "from stratascope.state.history import FileHistory\n"
        "store = FileHistory(Path(sys.argv[1]))\nfailed = 0\n"
        "try:\n    store.claim()\n    for each in many(3000):\n        store.write(each)\n"
        "except HistoryError as error:\n    failed = 1\n"
        "print(failed, len(FileHistory(Path(sys.argv[1])).entries(WEB)))\n"
    )
    place = tmp_path / "disk"
    place.mkdir()
    with FileHistoryOn(place / "history") as store:
        store.write(batch(1.0, exposure(1.0)))
    option = "size=600k" if how == "full" else "size=4m"
    lines = [
        f"cp -a {place}/history {tmp_path}/copy",
        f"mount -t tmpfs -o {option} tmpfs {place}",
        f"cp -a {tmp_path}/copy {place}/history",
        *([f"mount -o remount,ro {place}"] if how == "read-only" else []),
        f'exec {sys.executable} -c "$SCRIPT" {place}/history',
    ]
    environment = {**os.environ, "PYTHONPATH": f"{APP}:{APP.parent / 'tests'}", "SCRIPT": script}
    done = subprocess.run(
        ("unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(lines)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    failed, count = done.stdout.split()
    assert failed == "1"
    assert int(count) >= 1


class FileHistoryOn:
    """A store that is closed at the end, so that all of it is in the one file."""

    def __init__(self, folder: Path) -> None:
        self.store = FileHistory(folder)

    def __enter__(self) -> FileHistory:
        assert self.store.claim()
        return self.store

    def __exit__(self, *_: object) -> None:
        self.store.close()


def count(store: FileHistory, table: str) -> int:
    database = sqlite3.connect(store.path)
    found: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    database.close()
    return found


def test_old_rows_are_thinned_and_very_old_ones_go(store: FileHistory) -> None:
    now = 500 * DAY
    rows = tuple(
        UsageRow(now - 3 * DAY + at * 60.0, 60.0, memory=float(at), memory_peak=float(at)) for at in range(100)
    )
    ancient = UsageRow(now - 401 * DAY, 60.0, memory=1.0)
    fresh = UsageRow(now - 60.0, 60.0, memory=7.0)
    store.write(batch(now, used=(ancient, *rows, fresh)))
    store.write(batch(1.0, exposure(1.0)))
    store.write(batch(2.0, exposure(2.0)))
    store.tidy(now)
    found = store.used(WEB, 0.0)
    assert fresh in found
    assert ancient not in found
    assert 9 < len(found) < 15
    assert max(row.memory_peak or 0.0 for row in found) == 99.0
    assert [each.at for each in store.entries(WEB)] == [2.0]  # the last one of a part says how things stand
    store.tidy(now)
    assert store.used(WEB, 0.0) == found


def test_bounded_in_rows(store: FileHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("SUBJECTS_MOST", 5), ("ENTRIES_MOST", 20), ("USED_MOST", 10), ("WATCHES_MOST", 2)):
        monkeypatch.setattr(kept, name, most)
    for at in range(40):
        subject = Subject("docker", f"job-{at}")
        store.write(Batch(WatchSpan(float(at), float(at)), ((subject, HistoryEntry(float(at), *exposure(1.0))),),
                          ((subject, UsageRow(float(at), 1.0, memory=1.0)),)))  # fmt: skip
    for at in range(100, 150):
        store.write(batch(float(at), exposure(float(at))))
    store.tidy(200.0)
    assert count(store, "subject") == 5
    assert count(store, "entry") <= 21 + 5
    assert count(store, "used") <= 10
    assert count(store, "watch") == 2
    assert store.entries(WEB)[-1].at == 149.0


def test_sandboxes_leave_room_for_containers(store: FileHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent makes one for each command."""
    monkeypatch.setattr(kept, "SANDBOXES_MOST", 3)
    store.write(batch(1.0, exposure(1.0)))
    for at in range(2, 20):
        entry = HistoryEntry(float(at), *exposure(1.0))
        store.write(Batch(WatchSpan(float(at), float(at)), ((Subject("sandboxes", f"codex-{at}"), entry),), ()))
    store.tidy(30.0)
    assert {each.name for each in store.subjects()} == {WEB.name, "codex-17", "codex-18", "codex-19"}
    assert count(store, "entry") == 4


def test_bounded_in_bytes(store: FileHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room left, the oldest makes it, and what is new is written."""
    monkeypatch.setattr(history_file, "PAGES_MOST", 100)
    for at in range(300):
        store.write(batch(float(at), (PartKind.SETTINGS, ("x" * 4000, str(at)))))
    assert store.entries(WEB)[-1].at == 299.0
    store.close()
    assert store.path.stat().st_size <= 100 * 4096


def test_a_value_that_is_too_long_is_left_out(store: FileHistory) -> None:
    store.write(batch(1.0, (PartKind.SETTINGS, ("x" * kept.VALUE_MOST,)), exposure(1.0)))
    assert [each.kind for each in store.entries(WEB)] == [PartKind.EXPOSED]
