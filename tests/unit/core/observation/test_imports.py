"""What imports mean: which capabilities a program could need by them, and for what they say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.observation.imports import (
    Program,
    by_importance,
    calls,
    calls_for_rights,
    interpreter,
    logs_in,
    meaning,
    uses,
)
from stratascope.linux.capability import NAMES
from stratascope.value import replace

# As Debian 13's programs import them, cut down to what counts here; and what perf saw them use (facts of seventeen
# programs), of which all must be kept but what no import tells: NET_BIND_SERVICE
REAL = [
    ("/usr/sbin/nginx", "chmod chown initgroups kill setgid setpriority setuid", "CHOWN DAC_OVERRIDE SETGID SETUID"),
    ("/usr/sbin/cron", "chown initgroups pam_open_session pam_setcred setgid setuid", "AUDIT_WRITE SETGID SETUID"),
    ("/usr/lib/openssh/sshd-session", "audit_log_acct_message chown chroot initgroups kill pam_open_session setresuid",
     "AUDIT_WRITE CHOWN SETGID SETUID SYS_CHROOT"),
    ("/usr/sbin/haproxy", "chown chroot kill setgid setgroups setuid", "SETGID SETUID SYS_CHROOT"),
    ("/usr/bin/memcached", "kill setgid setgroups setuid", "SETGID SETUID"),
    ("/usr/sbin/apache2", "chown chroot initgroups kill setgid setuid", "CHOWN SETGID SETUID"),
    ("/usr/sbin/dnsmasq", "capset fchmod fchown kill setgid setgroups setuid", "CHOWN SETGID SETPCAP SETUID"),
]  # fmt: skip


def needed(program: Program) -> set[str]:
    return {use.capability.removeprefix("CAP_") for use in uses((program,))}


@pytest.mark.parametrize(("path", "imports", "used"), REAL)
def test_what_was_seen_to_be_used_is_kept(path: str, imports: str, used: str) -> None:
    assert needed(Program(path, tuple(imports.split()))) >= set(used.split())


@pytest.mark.parametrize(
    ("program", "capabilities"),
    [
        (Program("/usr/sbin/x", ("read", "write", "bind", "prctl", "chmod", "kill")), ""),
        (Program("/usr/sbin/x", ("chmod", "chown")), "CHOWN FOWNER"),
        (Program("/usr/sbin/x", ("kill", "setuid")), "KILL SETUID"),
        (Program("/usr/sbin/x", ("fchown", "setuid")), "CHOWN DAC_OVERRIDE SETUID"),
        (Program("/usr/sbin/x", ("mknod",)), "MKNOD"),
        (Program("/usr/bin/python3", ("setuid", "chroot"), opaque=True), ""),  # an interpreter says nothing
        (Program("/entry", commands=("gosu",), opaque=True), "SETGID SETUID"),  # but what its script calls does
        (Program("/entry", commands=("chown",), opaque=True), "CHOWN DAC_OVERRIDE FOWNER"),
        # Go's runtime imports setuid for all; what was linked of its own counts, but for what comes with any file
        (Program("/usr/bin/nats", ("setuid",), opaque=True, linked=("setsockopt", "fchown", "chown")), ""),
        (Program("/usr/bin/podman", ("setuid",), opaque=True, linked=("setgroups", "mount")), "SETGID SYS_ADMIN"),
        (Program("/usr/bin/setpriv", ("capset", "setresuid", "setresgid")), "SETGID SETUID"),
        (Program("/usr/bin/ping", ("cap_set_proc", "setuid")), "NET_RAW"),
    ],
)
def test_what_imports_mean(program: Program, capabilities: str) -> None:
    assert needed(program) == set(capabilities.split())


def test_the_reason_is_the_first_program_and_its_plainest_function() -> None:
    programs = (Program("/usr/sbin/a", ("pam_open_session", "setuid")), Program("/usr/sbin/b", ("setgid", "setuid")))
    reasons = {use.capability: (use.program, use.by) for use in uses(programs)}
    assert reasons["CAP_SETUID"] == ("a", "setuid")
    assert reasons["CAP_AUDIT_WRITE"] == ("a", "pam_open_session")


@pytest.mark.parametrize(
    ("path", "yes"),
    [
        *((f"/usr/bin/{name}", True) for name in ("sh", "dash", "bash", "busybox", "python3.13", "node", "perl5.40.1")),
        *((f"/usr/bin/{name}", True) for name in ("php", "php8.4", "php-cgi8.4", "java", "ruby3.3", "mawk")),
        *((f"/usr/sbin/{name}", False) for name in ("php-fpm8.4", "sshd", "nodemon2", "bashful", "javac", "environ")),
    ],
)
def test_interpreters(path: str, yes: bool) -> None:
    assert interpreter(path) is yes


def test_system_calls() -> None:
    names = frozenset(["read", "setuid", "setresuid", "setgroups", "clone", "clone3", "vfork", "setsid"])
    program = Program("/usr/sbin/x", ("fork", "initgroups", "malloc", "read", "seteuid"))
    found = {call.name: call.by for call in calls((program, replace(program, opaque=True)), names)}
    assert found == {"clone": "fork", "setsid": "fork", "setgroups": "initgroups", "read": "read", "setuid": "seteuid",
                     "setresuid": "seteuid"}  # fmt: skip


def test_who_logs_in() -> None:
    assert logs_in(Program("/usr/lib/openssh/sshd-session", ("pam_authenticate", "pam_open_session")))
    assert logs_in(Program("/usr/sbin/dropbear"))
    assert not logs_in(Program("/usr/sbin/cron", ("pam_open_session",))), "it asks nobody for a password"
    assert not logs_in(Program("/usr/bin/su", ("pam_authenticate", "pam_open_session")))


CRON, POSTFIX = Program("/usr/sbin/cron", names=("sendmail", "sh")), Program("/usr/lib/postfix/sbin/master")


@pytest.mark.parametrize(
    ("program", "path", "yes"),
    [
        (CRON, "/usr/bin/crontab", True),
        (CRON, "/usr/sbin/sendmail", True),
        (CRON, "/usr/bin/sudo", False),
        (POSTFIX, "/usr/sbin/postdrop", True),
        (POSTFIX, "/usr/bin/crontab", False),
        (Program("/usr/sbin/exim4"), "/usr/sbin/exim4", True),
        (Program("/usr/sbin/atd"), "/usr/bin/at", True),
        (Program("/usr/bin/mount.ours", names=("mount", "su")), "/usr/bin/su", False),  # it lies everywhere
        (Program("/usr/sbin/nginx"), "/usr/sbin/exim4", False),
        (Program("/usr/bin/x"), "/usr/sbin/usermod-ours", False),  # folders of all programs are no family
    ],
)
def test_which_programs_that_give_rights_it_may_call(program: Program, path: str, yes: bool) -> None:
    assert calls_for_rights((program,), path) is yes


def test_what_is_missed_most_comes_first() -> None:
    paths = ("/usr/bin/chage", "/usr/bin/zap", "/usr/sbin/unix_chkpwd", "/usr/bin/su", "/usr/bin/sudo")
    order = ("/usr/bin/sudo", "/usr/bin/su", "/usr/sbin/unix_chkpwd", "/usr/bin/chage", "/usr/bin/zap")
    assert by_importance(paths) == order


@given(st.lists(st.text(max_size=20)), st.lists(st.text(max_size=20)), st.booleans())
def test_any_names(imports: list[str], commands: list[str], opaque: bool) -> None:
    found = uses((Program("/x", tuple(imports), tuple(commands), opaque=opaque),))
    assert all(use.capability in NAMES for use in found)
    assert not opaque or all(meaning(use.by) for use in found)
