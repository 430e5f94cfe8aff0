"""Where the host keeps what it runs: looked up by the tree in which the files really are."""

from __future__ import annotations

import pytest

from stratascope.layers.shared.system_places import Runs, runs_from

HOST = (
    ("8:1", "/", "/"),
    ("0:22", "/", "/run"),
    ("8:2", "/", "/home"),
    ("8:3", "/", "/srv/store"),
    ("8:3", "/hooks", "/etc/apt/apt.conf.d"),  # a part of another file system, bound into /etc
    ("8:3", "/bin-of-ann", "/home/ann/bin"),
    ("0:5", "/", "/dev"),
    ("0:20", "/", "/proc"),
)
ROOTS, USERS, BOTH, NOTHING = Runs(True, False), Runs(False, True), Runs(True, True), Runs()


@pytest.mark.parametrize(
    ("device", "root", "runs"),
    [
        ("8:1", "/etc", ROOTS),
        ("8:1", "/etc/cron.d", ROOTS),
        ("8:1", "/etc/cron.daily", ROOTS),
        ("8:1", "/etc/cron.d/one-job", ROOTS),
        ("8:1", "/etc/passwd", ROOTS),
        ("8:1", "/etc/shadow", ROOTS),
        ("8:1", "/etc/ld.so.preload", ROOTS),
        ("8:1", "/etc/pam.d/su", ROOTS),
        ("8:1", "/etc/systemd/system/multi-user.target.wants", ROOTS),
        ("8:1", "/etc/rc.local", ROOTS),
        ("8:1", "/etc/hosts", NOTHING),
        ("8:1", "/etc/localtime", NOTHING),
        ("8:1", "/etc/ssl/certs", NOTHING),
        ("8:1", "/usr", ROOTS),
        ("8:1", "/usr/bin/env", ROOTS),
        ("8:1", "/usr/local/lib/systemd", ROOTS),
        ("8:1", "/usr/lib/modules", ROOTS),
        ("8:1", "/usr/share", ROOTS),
        ("8:1", "/usr/share/polkit-1/rules.d", ROOTS),
        ("8:1", "/usr/share/zoneinfo", NOTHING),
        ("8:1", "/boot/grub", ROOTS),
        ("8:1", "/var", BOTH),  # some systems have the homes there
        ("8:1", "/var/lib", ROOTS),
        ("8:1", "/var/lib/docker", ROOTS),
        ("8:1", "/var/lib/containers/storage", ROOTS),
        ("8:1", "/var/lib/docker/volumes/x/_data", NOTHING),
        ("8:1", "/var/spool/cron/crontabs", ROOTS),
        ("8:1", "/var/log", NOTHING),
        ("8:1", "/var/lib/postgresql", NOTHING),
        ("8:1", "/root", ROOTS),
        ("8:1", "/root/.ssh/authorized_keys", ROOTS),
        ("8:1", "/root/data", NOTHING),
        ("8:1", "/srv/data", NOTHING),
        ("8:1", "/opt/cni/bin", ROOTS),
        ("8:1", "/", BOTH),
        ("8:2", "/", USERS),
        ("8:2", "/ann", USERS),
        ("8:2", "/ann/.bashrc", USERS),
        ("8:2", "/ann/.config", USERS),
        ("8:2", "/ann/.config/app", NOTHING),
        ("8:2", "/ann/project", NOTHING),
        ("0:22", "/", BOTH),  # runtime units, and each user's own
        ("0:22", "/systemd/system", ROOTS),
        ("0:22", "/user/1000", USERS),
        ("0:22", "/lock", NOTHING),
        ("8:3", "/", BOTH),  # a store of which parts are bound into /etc and a home
        ("8:3", "/hooks/10-own", ROOTS),
        ("8:3", "/bin-of-ann", USERS),
        ("8:3", "/other", NOTHING),
        ("0:5", "/", ROOTS),
        ("0:5", "/shm", NOTHING),
        ("0:20", "/sys/kernel", ROOTS),
        ("0:20", "/sys/vm", NOTHING),
    ],
)
def test_by_the_hosts_tree(device: str, root: str, runs: Runs) -> None:
    assert runs_from(device, root, "/somewhere/else", HOST) == runs


def test_what_lies_on_another_file_system_is_not_shown() -> None:
    host = (("8:1", "/", "/"), ("8:4", "/", "/srv/engine/overlay2"))
    assert runs_from("8:1", "/srv", "/srv", host, ("/srv/engine/overlay2",)) == NOTHING
    assert runs_from("8:1", "/srv", "/srv", host[:1], ("/srv/engine/overlay2",)) == ROOTS


@pytest.mark.parametrize(("source", "runs"), [("/etc", ROOTS), ("/home/ann", USERS), ("/srv/x", NOTHING), ("/", BOTH)])
def test_by_its_source_where_the_hosts_mounts_do_not_tell(source: str, runs: Runs) -> None:
    assert runs_from("0:99", "/x", source, HOST) == runs


def test_an_engines_store_of_its_own() -> None:
    assert runs_from("8:1", "/srv/engine/overlay2", "", HOST, ("/srv/engine",)) == ROOTS
    assert runs_from("8:1", "/srv", "", HOST, ("/srv/engine",)) == ROOTS
    assert runs_from("8:1", "/srv/engine/volumes/db/_data", "", HOST, ("/srv/engine",)) == NOTHING
    assert runs_from("8:1", f"/srv/engine/overlay2/{'a1' * 32}/merged", "", HOST, ("/srv/engine",)) == NOTHING
    assert runs_from("8:1", f"/srv/engine/overlay2/{'a1' * 32}", "", HOST, ("/srv/engine",)) == ROOTS
