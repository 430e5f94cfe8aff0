"""What was learned, on disk: found again, added up, forgotten, bounded, and nobody else's."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stratascope.core.container import Container, Status
from stratascope.core.observation.observation import (
    Needs,
    NeedsError,
    Observation,
    Phase,
    RefusedCall,
    Seen,
    UsedArguments,
    UsedCall,
    UsedCapability,
    UsedPort,
)
from stratascope.state.needs import FileNeeds, places
from stratascope.value import replace

WEB = Container("docker", "a" * 64, "web", "nginx:1", Status.RUNNING, 7, 1.0, 1.0, command="nginx -g daemon")
SEEN = Observation(
    Seen(12.5, 1, 0, 2, 0, 3, (Phase.START, Phase.RELOAD)),
    (UsedCapability("CAP_CHOWN", True, 2, ("nginx",)),),
    (UsedCall("x86_64", "openat", 40, ("nginx",)),),
    (UsedArguments("x86_64", "socket", (2, 1, 0)),),
    (RefusedCall("nginx", "x86_64", "keyctl", 1, True, (), "", ()),),
    ("/run/nginx.pid", "/run/\udc80"),
    ("/dev/fuse",),
    (UsedPort("tcp", 80, False, True),),
    ((0, 0), (33, 33)),
    (("memory", 1e6),),
    (("ports", "why"),),
)


def test_kept_for_the_image_and_the_command(tmp_path: Path) -> None:
    """A container that was relaunched, or is a replica, has it too; one with another command has not."""
    store = FileNeeds(tmp_path / "needs")
    assert store.of(WEB) is None
    store.add(WEB, SEEN)
    again = replace(WEB, id="b" * 64, name="web-2", asked=replace(WEB.asked, no_new_privileges=True))
    found = FileNeeds(tmp_path / "needs").of(again)
    assert found is not None
    assert found.observation == SEEN
    assert found.containers == ("web",)
    assert store.of(replace(WEB, command="nginx -t")) is None
    assert store.of(replace(WEB, image="nginx:2")) is None


def test_added_up(tmp_path: Path) -> None:
    """Of two lives both are told, and whose they were."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    found = store.add(replace(WEB, name="web-2"), SEEN)
    assert found.observation.seen.starts == 2
    assert found.observation.calls[0].uses == 80
    assert found.containers == ("web", "web-2")
    assert store.of(WEB) == found


def test_forgotten(tmp_path: Path) -> None:
    """By one call, that says whether there was anything."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    assert store.forget(WEB)
    assert store.of(WEB) is None
    assert not store.forget(WEB)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Paths and programs may tell much."""
    before = os.umask(0)
    try:
        FileNeeds(tmp_path / "needs").add(WEB, SEEN)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.lstat().st_mode) for path in (tmp_path / "needs", *(tmp_path / "needs").iterdir())]
    assert all(mode & 0o077 == 0 for mode in modes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]",
        '{"version": 1}',
        '{"version": 2, "needs": {}}',
        '{"version": 1, "needs": {"image": 5}}',
        "[" * 99999,
    ],
)
def test_damaged(tmp_path: Path, text: str) -> None:
    """A sentence that names the file; forgetting it puts that right."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (path,) = tmp_path.glob("*.json")
    path.write_text(text)
    with pytest.raises(NeedsError, match=path.name):
        store.of(WEB)
    assert store.forget(WEB)
    assert store.add(WEB, SEEN).observation == SEEN


def test_a_folder_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    """Whoever can write there could name what a container is to be given."""
    folder = tmp_path / "needs"
    FileNeeds(folder).add(WEB, SEEN)
    folder.chmod(0o777)
    with pytest.raises(NeedsError):
        FileNeeds(folder).of(WEB)


def test_bounded(tmp_path: Path) -> None:
    """The oldest images go."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (first,) = tmp_path.glob("*.json")
    os.utime(first, (1, 1))
    for number in range(499):
        (tmp_path / f"{number:032x}.json").write_text("")
    assert store.of(WEB) is not None
    store.add(replace(WEB, image="another"), SEEN)
    assert len(list(tmp_path.glob("*.json"))) == 500
    assert store.of(WEB) is None
    assert store.of(replace(WEB, image="another")) is not None


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two windows that learn of the same image."""
    threads = [threading.Thread(target=FileNeeds(tmp_path).add, args=(WEB, SEEN)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = FileNeeds(tmp_path).of(WEB)
    assert found is not None
    assert found.observation.seen.starts == 8


def test_what_is_being_watched_counts_at_once_and_once(tmp_path: Path) -> None:
    """Another command that runs meanwhile has it; at its end it is added up, and not a second time."""
    store, other = FileNeeds(tmp_path), FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    store.so_far(WEB, "a1", SEEN)
    store.so_far(WEB, "a1", replace(SEEN, seen=replace(SEEN.seen, starts=5)))
    assert _starts(other.of(WEB)) == 6
    assert _starts(store.of(WEB, but="a1")) == 1
    other.add(WEB, SEEN)
    assert _starts(other.of(WEB)) == 7, "the other's watch goes on"
    store.add(WEB, replace(SEEN, seen=replace(SEEN.seen, starts=6)), "a1")
    assert _starts(other.of(WEB)) == 8
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob("*.watch"))


def test_what_a_killed_program_had_seen_is_not_lost(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from unit.state.test_needs import SEEN, WEB\n"
        "from stratascope.state.needs import FileNeeds\n"
        "FileNeeds(Path(sys.argv[1])).so_far(WEB, 'b2', SEEN)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environ, check=False)
    assert done.returncode == -9
    store = FileNeeds(tmp_path)
    assert _starts(store.of(WEB)) == 1
    assert _starts(store.add(WEB, SEEN)) == 2
    assert _starts(store.of(WEB)) == 2
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_part_hides_nothing_else(tmp_path: Path) -> None:
    store = FileNeeds(tmp_path)
    store.so_far(WEB, "c3", SEEN)
    store.add(WEB, SEEN)
    next(tmp_path.glob("*.part")).write_text("[")
    assert _starts(store.of(WEB)) == 1


def test_what_can_not_be_added_to_a_damaged_file_stays(tmp_path: Path) -> None:
    """Whoever forgets the damaged file still has what was seen meanwhile, if they only remove that one."""
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (path,) = tmp_path.glob("*.json")
    path.write_text("[")
    store.so_far(WEB, "d4", SEEN)
    with pytest.raises(NeedsError):
        store.add(WEB, SEEN, "d4")
    path.unlink()
    assert _starts(FileNeeds(tmp_path).of(WEB)) == 1


def test_an_image_of_another_name_has_the_same_needs(tmp_path: Path) -> None:
    """A committed layer, or the id where a tag has moved on; whoever learns of one, learns of the other."""
    store = FileNeeds(tmp_path)
    hardened = replace(WEB, id="c" * 64, image="localhost/stratascope/web:0123456789abcdef")
    again = replace(WEB, id="d" * 64, image="localhost/stratascope/web:fedcba9876543210")
    store.add(WEB, SEEN)
    store.share(WEB, hardened)
    found = store.of(hardened)
    assert _starts(found) == 1
    assert found is not None
    assert found.image == hardened.image
    store.share(hardened, again)
    store.add(again, SEEN)
    assert [_starts(store.of(each)) for each in (WEB, hardened, again)] == [2, 2, 2]
    store.share(again, WEB)  # an undo
    store.share(WEB, WEB)
    assert [_starts(store.of(each)) for each in (WEB, hardened, again)] == [2, 2, 2]
    assert store.forget(again)
    assert [store.of(each) for each in (WEB, hardened, again)] == [None, None, None]


def test_what_both_knew_is_added_up(tmp_path: Path) -> None:
    store, other = FileNeeds(tmp_path), replace(WEB, image="sha256:" + "e" * 64)
    store.add(WEB, SEEN)
    store.add(other, SEEN)
    store.share(WEB, other)
    assert (_starts(store.of(WEB)), _starts(store.of(other))) == (2, 2)


@pytest.mark.parametrize("text", ['{"version": 1, "same": "../../etc/passwd"}', '{"version": 1, "same": 5}'])
def test_a_name_that_is_no_key_is_not_followed(tmp_path: Path, text: str) -> None:
    store = FileNeeds(tmp_path)
    store.add(WEB, SEEN)
    (path,) = tmp_path.glob("*.json")
    path.write_text(text)
    with pytest.raises(NeedsError):
        store.of(WEB)


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo is root's")
class TestBySudo:
    """What root learns for somebody is theirs, and nothing of it is done with more than their rights."""

    PERSON = pwd.getpwnam("nobody")

    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for folder in (tmp_path, *tmp_path.parents):  # so that they can enter it
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o111)
        monkeypatch.setenv("HOME", str(tmp_path / "root"))
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, self.PERSON.pw_uid, self.PERSON.pw_gid)
        monkeypatch.setattr(
            pwd, "getpwuid", lambda uid: pwd.struct_passwd((*self.PERSON[:5], str(home), "/bin/sh"))
        )  # fmt: skip
        return home

    def test_it_is_the_users_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        home = self.home(tmp_path, monkeypatch)
        environ = {"SUDO_UID": str(self.PERSON.pw_uid)}
        before = FileNeeds(tmp_path / "root/.local/state/stratascope/needs")
        before.add(WEB, SEEN)  # by root itself
        by_sudo = FileNeeds(among=places(environ))
        assert _starts(by_sudo.of(WEB)) == 1
        by_sudo.add(WEB, SEEN)
        assert _starts(by_sudo.of(WEB)) == 2
        made = list(home.rglob("*"))
        assert made
        assert {(path.lstat().st_uid, path.lstat().st_gid) for path in made} == {
            (self.PERSON.pw_uid, self.PERSON.pw_gid)
        }
        assert _starts(FileNeeds(tmp_path / "root/.local/state/stratascope/needs").of(WEB)) == 1

    def test_their_link_leads_nowhere_they_could_not_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home, target = self.home(tmp_path, monkeypatch), tmp_path / "etc"
        target.mkdir()
        target.chmod(0o755)
        store = home / ".local/state/stratascope"
        store.mkdir(parents=True)
        (store / "needs").symlink_to(target)
        for path in (store, *store.parents[:2]):
            os.chown(path, self.PERSON.pw_uid, self.PERSON.pw_gid)
        os.lchown(store / "needs", self.PERSON.pw_uid, self.PERSON.pw_gid)
        by_sudo = FileNeeds(among=places({"SUDO_UID": str(self.PERSON.pw_uid)}))
        with pytest.raises(NeedsError):
            by_sudo.add(WEB, SEEN)
        assert not list(target.iterdir())
        (target / "mine").touch()
        assert (target / "mine").stat().st_uid == 0, "afterwards it is root again"

    def test_a_named_folder_counts_by_its_owner(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """sudo -E brings the user's folders along, and a service root's."""
        home = self.home(tmp_path, monkeypatch)
        named = {"SUDO_UID": str(self.PERSON.pw_uid), "XDG_STATE_HOME": str(home / "state")}
        (place,) = places(named)
        assert (place.folder, place.owner) == (
            home / "state/stratascope/needs", (self.PERSON.pw_uid, self.PERSON.pw_gid))  # fmt: skip
        (place,) = places({**named, "XDG_STATE_HOME": str(tmp_path / "state")})
        assert place.owner is None
        assert [each.owner for each in places({"SUDO_UID": "0"})] == [None]


def _starts(needs: Needs | None) -> int:
    return 0 if needs is None else needs.observation.seen.starts
