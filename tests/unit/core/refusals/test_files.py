"""Owner and mode: which file or folder refused it to whom, by the kernel's own questions, and what would let it."""

from __future__ import annotations

import os

import pytest

from rig.core.refusals.moments import MAPPED, around, call, check, mount, node, place
from stratascope.core.ground import UNREAD
from stratascope.core.refusals.files import claim
from stratascope.core.refusals.refusal import FILES, Attempt, Strength
from stratascope.core.relaunch.want import HeldCapability, RunsAs
from stratascope.i18n.translate import translate
from stratascope.value import replace

_ASKS = ("capable_wrt_inode_uidgid", "generic_permission", "inode_permission")
_OVERRIDE = check("CAP_DAC_OVERRIDE", *_ASKS, "may_open", "path_openat")
_SEARCH = check("CAP_DAC_READ_SEARCH", *_ASKS, "may_open", "path_openat")
_OWNER = check("CAP_FOWNER", "capable_wrt_inode_uidgid", "setattr_prepare")
_WAY = [
    check("CAP_DAC_READ_SEARCH", *_ASKS, "link_path_walk", "path_openat"),
    check("CAP_DAC_OVERRIDE", *_ASKS, "link_path_walk", "path_openat"),
]
_CLOSED = node("folder", 0o700)
UNHEARD: dict[str, object] = {"checks": None}  # nobody told which of the kernel's questions were of this call
_TMP = node("folder", 0o1777)


def said(attempt: Attempt) -> str:
    found = claim(attempt)
    assert found is not None
    assert found.layer == FILES
    return translate(found.what)


CASES = [
    (
        call(
            "open",
            13,
            0,
            os.O_RDONLY,
            said=around(999, [_SEARCH, _OVERRIDE], place=place("/data", node(mode=0o600, uid=1000))),
        ),
        "/data belongs to user 1000 (rw-------), and user 999 can't read it.",
    ),
    (
        call("openat", 13, 0, 0, os.O_WRONLY, said=around(999, [_OVERRIDE], place=place("/data", node(uid=1000)))),
        "/data belongs to user 1000 (rw-r--r--), and user 999 can't write to it.",
    ),
    (  # of the two the one that it may not
        call("openat", 13, 0, 0, os.O_RDWR, said=around(999, [_OVERRIDE], place=place("/data", node(uid=1000)))),
        "/data belongs to user 1000 (rw-r--r--), and user 999 can't write to it.",
    ),
    (
        call("open", 13, 0, os.O_WRONLY | os.O_CREAT, said=around(999, [_OVERRIDE], place=place("/new"))),
        "The directory of /new belongs to user 0 (rwxr-xr-x), and user 999 can't create or remove anything in it.",
    ),
    (
        call("rename", 13, said=around(999, [_OVERRIDE], place=place("/etc/passwd", node()))),
        "The directory of /etc/passwd belongs to user 0 (rwxr-xr-x), and user 999 can't create or remove anything in "
        "it.",
    ),
    (
        call("rename", 13, said=around(999, [_OVERRIDE], place=place("/tmp/mine", node(uid=999), _TMP))),
        "User 999 can't create anything in the directory where /tmp/mine was to get its new name.",
    ),
    (
        call("link", 13, said=around(999, [_OVERRIDE], place=place("/tmp/mine", node(uid=999), _TMP))),
        "User 999 can't create anything in the directory where /tmp/mine was to get its new name.",
    ),
    (
        call("link", 1, said=around(999, [_OWNER], place=place("/etc/shadow", node(mode=0o640)))),
        "/etc/shadow belongs to user 0, and user 999, who can't write to it, can't link to it either "
        "(fs.protected_hardlinks).",
    ),
    (
        call("unlink", 1, said=around(999, [_OWNER], place=place("/tmp/other", node(uid=7), _TMP))),
        "Only the owner of a file can remove or rename it in /tmp (sticky bit): /tmp/other belongs to user 7, this "
        "process is user 999.",
    ),
    (
        call("chmod", 1, said=around(999, [_OWNER], place=place("/data", node(uid=7)))),
        "/data belongs to user 7, and only its owner may do that; this process is user 999.",
    ),
    (
        call("open", 13, 0, 0, said=around(999, _WAY, place=place("/closed/secret", node(), _CLOSED))),
        "The directory of /closed/secret belongs to user 0 (rwx------), and user 999 can't pass through it.",
    ),
    (  # the folder that the file is in would have let it pass: one above did not
        call("open", 13, 0, 0, said=around(999, _WAY, place=place("/closed/in/secret", node()))),
        "A directory on the way to /closed/in/secret does not let user 999 pass.",
    ),
    (
        call("stat", 13, said=around(999, _WAY, place=place("/closed/secret", node(mode=0o600), _CLOSED))),
        "The directory of /closed/secret belongs to user 0 (rwx------), and user 999 can't pass through it.",
    ),
    (
        call("chdir", 13, said=around(999, [_SEARCH, _OVERRIDE], place=place("/root", _CLOSED))),
        "/root belongs to user 0 (rwx------), and user 999 can't enter it.",
    ),
    (
        call("execve", 13, said=around(999, [_OVERRIDE], place=place("/bin/x", node(mode=0o744)))),
        "/bin/x belongs to user 0 (rwxr--r--), and user 999 can't execute it.",
    ),
    (call("execve", 13, said=around(0, place=place("/entry.sh", node()))), "/entry.sh is not executable (rw-r--r--)."),
    (call("execve", 13, said=around(0, place=place("/etc", node("folder")))), "/etc is not an executable file."),
    (  # /proc/sys asks for no right over files (proc_sys_permission)
        call("open", 13, 0, os.O_WRONLY, said=around(999, place=place("/proc/sys/vm/swappiness", node()))),
        "/proc/sys/vm/swappiness belongs to user 0 (rw-r--r--), and user 999 can't write to it.",
    ),
    (
        call("openat2", 13, said=around(999, [_OVERRIDE], place=place("/private", node(mode=0o600)))),
        "The owner and mode of /private, or of its directory, do not allow user 999 to do that.",
    ),
    (
        call("connect", 13, said=around(999, [_OVERRIDE], address=["unix", "/run/x.sock", 0])),
        "The owner and mode of /run/x.sock, or of its directory, do not allow user 999 to do that.",
    ),
    (call("open", 13, 0, 0, said=around(999, [_SEARCH])), "The file's owner and mode do not allow it."),
]


@pytest.mark.parametrize(("attempt", "text"), CASES, ids=lambda each: each if isinstance(each, str) else "")
def test_what_refused_it(attempt: Attempt, text: str) -> None:
    assert said(attempt) == text


def test_users_are_told_as_the_container_counts() -> None:
    moment = around(200999, [_OVERRIDE], place=place("/data", node(uid=201000)))
    attempt = call("openat", 13, 0, 0, os.O_WRONLY, said=moment, uids=MAPPED)
    assert said(attempt) == "/data belongs to user 1000 (rw-r--r--), and user 999 can't write to it."
    found = claim(attempt)
    assert found is not None
    assert found.wants == (RunsAs(1000), HeldCapability(("CAP_DAC_OVERRIDE",), 999))


def test_the_lesser_right_is_wanted_first() -> None:
    found = claim(
        call("open", 13, 0, 0, said=around(999, [_OVERRIDE, _SEARCH], place=place("/x", node(mode=0, uid=5))))
    )
    assert found is not None
    assert found.wants == (  # the owner may not read it either
        HeldCapability(("CAP_DAC_READ_SEARCH",), 999),
        HeldCapability(("CAP_DAC_OVERRIDE",), 999),
    )


def test_what_gives_a_right_to_who_is_not_known() -> None:
    """Only what root lacks where it lacks it: the other right is no help to who gave all of them up."""
    asked = {"checks": [_SEARCH, _OVERRIDE], "place": place("/proc/7/environ", node(mode=0o400))}
    unknown = claim(call("open", 13, 0, os.O_RDONLY, said=asked))
    assert unknown is not None
    assert unknown.wants == (RunsAs(0), HeldCapability(("CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE")))
    known = claim(call("open", 13, 0, os.O_RDONLY, said=around(999, [_SEARCH, _OVERRIDE], place=asked["place"])))
    assert known is not None
    assert HeldCapability(("CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"), 999) in known.wants


def test_root_lacks_a_capability_instead() -> None:
    assert claim(call("open", 13, 0, 0, said=around(0, [_OVERRIDE], place=place("/x", node(mode=0, uid=5))))) is None


def test_it_may_have_been_root_where_nobody_could_look() -> None:
    moment = around(0, [_OVERRIDE]) | {"ids": None}
    found = claim(call("open", 13, 0, 0, said=moment))
    assert found is not None
    assert not found.certain


def test_root_of_a_user_namespace_is_root() -> None:
    moment = around(200000, [_OVERRIDE], place=place("/x", node(mode=0, uid=200005)))
    assert claim(call("open", 13, 0, 0, said=moment, uids=MAPPED)) is None


def test_other_rights_are_no_matter_of_files() -> None:
    assert claim(call("mount", 1, said=around(999, [check("CAP_SYS_ADMIN", "ns_capable")]))) is None
    assert claim(call("open_by_handle_at", 1, said=around(999, [_SEARCH]))) is None


def test_a_group_that_it_is_in_decides() -> None:
    """Owner, group, others: the first that fits, even where a later one would let it."""
    moment = around(999, place=place("/x", node(mode=0o604, gid=50)), groups=[50]) | UNHEARD
    attempt = call("open", 13, 0, 0, said=moment)
    assert said(attempt) == "/x belongs to user 0 (rw----r--), and user 999 can't read it."
    moment["groups"] = []
    assert claim(call("open", 13, 0, 0, said=moment)) is None


def test_a_file_of_somebody_else_in_tmp_even_to_root() -> None:
    moment = around(0, place=place("/tmp/x", node(uid=1000), _TMP))
    attempt = call("open", 13, 0, os.O_WRONLY | os.O_CREAT, said=moment)
    assert "fs.protected_regular" in said(attempt)
    found = claim(attempt)
    assert found is not None
    assert found.strength is Strength.FITS
    assert claim(call("open", 13, 0, os.O_WRONLY, said=moment)) is None


@pytest.mark.parametrize(
    ("kind", "folder", "setting", "value", "told"),
    [
        ("file", 0o1777, "fs.protected_regular", "2", True),
        ("file", 0o1777, "fs.protected_regular", "1", True),
        ("file", 0o1777, "fs.protected_regular", "0", False),
        ("file", 0o1777, "fs.protected_fifos", "0", True),
        ("file", 0o1775, "fs.protected_regular", "1", False),
        ("file", 0o1775, "fs.protected_regular", "2", True),
        ("fifo", 0o1777, "fs.protected_fifos", "1", True),
        ("fifo", 0o1777, "fs.protected_fifos", "0", False),
    ],
)
def test_the_host_s_setting_says_whether(kind: str, folder: int, setting: str, value: str, told: bool) -> None:
    moment = around(0, place=place("/tmp/x", node(kind, uid=1000), node("folder", folder)))
    attempt = call("open", 13, 0, os.O_WRONLY | os.O_CREAT, said=moment)
    found = claim(attempt, replace(UNREAD, sysctls=((setting, value),)))
    assert (found is not None) is told
    if found is not None:
        assert f"(fs.protected_{'regular' if kind == 'file' else 'fifos'})" in translate(found.what)


@pytest.mark.parametrize(
    ("kind", "served"), [("nfs4", True), ("fuse.sshfs", True), ("fuse.fuse-overlayfs", False), ("ext4", False)]
)
def test_a_server_judges_for_itself(kind: str, served: bool) -> None:
    found = claim(call("open", 13, 0, 0, said=around(0, place=place("/n/x", node(), on=mount("/n", kind=kind)))))
    assert (found is not None) is served


def test_what_a_filter_refused_is_no_matter_of_files() -> None:
    moment = around(999, place=place("/data", node(mode=0o600))) | UNHEARD
    assert claim(call("open", 13, 0, 0, said=moment)) is not None
    assert claim(call("open", 13, 0, 0, said=moment, entered=False)) is None


def test_what_was_to_be_replaced_in_a_sticky_folder() -> None:
    """The owner of what is renamed may do that; whose file it would replace says no."""
    sticky = node("folder", 0o1777)
    said = around(1000, [check("CAP_FOWNER", "ns_capable", "capable_wrt_inode_uidgid", "may_delete")])
    said["place"] = place("/tmp/mine", node(uid=1000, gid=1000), sticky)
    said["other"] = place("/tmp/theirs", node(uid=4242), sticky)
    found = claim(call("rename", 1, 0, 0, path="/tmp/mine", said=said))
    assert found is not None
    assert "/tmp/theirs belongs to user 4242, this process is user 1000" in translate(found.what)
    assert RunsAs(4242) in found.wants
