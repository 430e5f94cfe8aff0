"""The last words of common programs, and what is guessed of them with these options and with others."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Asked, AskedLimit, AskedMount
from stratascope.core.refusals.ended.log_words import likely
from stratascope.core.refusals.refusal import Strength
from stratascope.core.relaunch.want import (
    GainedRights,
    HeldCapability,
    MoreOf,
    Network,
    PassedCall,
    RunsAs,
    Setting,
    Want,
    WritablePlace,
)
from stratascope.i18n.translate import translate

FEW = Asked(capabilities=("CAP_SETUID",))
USER = Asked(user="1000")
LIMITED = Asked(memory=1 << 28, pids=50, limits=(AskedLimit("nofile", 64, 64),))
FIXED = Asked(read_only_root=True, mounts=(AskedMount("bind", "/srv", "/data", writable=False),))
ALONE = Asked(network_mode="none")
NOTHING: tuple[Want, ...] = ()
PORT_80 = (HeldCapability(("CAP_NET_BIND_SERVICE",), 1000), Setting("net.ipv4.ip_unprivileged_port_start", "80"))
SAID = (
    # nginx, Apache, Go, Node, Python, busybox
    ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)", USER, "capabilities", "port 80",
     PORT_80),
    ("(13)Permission denied: AH00072: make_sock: could not bind to address [::]:80", USER, "capabilities",
     "port 80", PORT_80),
    ("2026/11/27 listen tcp :443: bind: permission denied", USER, "capabilities", "port 443",
     (HeldCapability(("CAP_NET_BIND_SERVICE",), 1000), Setting("net.ipv4.ip_unprivileged_port_start", "443"))),
    ("Error: listen EACCES: permission denied 0.0.0.0:80", USER, "capabilities", "port 80", PORT_80),
    ("nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)", Asked(), "network", "listens on its",
     NOTHING),
    ("2026/11/27 listen unix /run/x.sock: bind: permission denied", USER, "files", "/run/x.sock", NOTHING),
    ('nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)', FIXED, "namespaces",
     "/var/cache/nginx/client_temp: its root", (WritablePlace("/var/cache/nginx/client_temp", "/"),)),
    ("OSError: [Errno 30] Read-only file system: '/data/x'", FIXED, "namespaces", "that mount is read-only",
     (WritablePlace("/data/x", "/data"),)),
    ("sysctl: setting /proc/sys/vm/swappiness: Read-only file system", Asked(), "namespaces", "part of /proc",
     (WritablePlace("/proc/sys/vm/swappiness", "/proc"),)),
    ("chown: changing ownership of '/var/lib/x': Operation not permitted", FEW, "capabilities", "requires CHOWN",
     (HeldCapability(("CAP_CHOWN",), 0),)),
    ("error: failed switching to \"app\": operation not permitted", FEW, "capabilities", "requires SETGID, which",
     (HeldCapability(("CAP_SETGID",), 0),)),
    ("initgroups(nginx, 101) failed (1: Operation not permitted)", FEW, "capabilities", "requires SETGID, which",
     (HeldCapability(("CAP_SETGID",), 0),)),
    ("ping: socket: Operation not permitted", FEW, "capabilities", "requires NET_RAW",
     (HeldCapability(("CAP_NET_RAW",), 0),)),
    ("cat: /etc/secret: Permission denied", USER, "files", "/etc/secret", NOTHING),
    ("cat: /srv/x: Permission denied", FEW, "capabilities", "root without DAC_OVERRIDE",
     (HeldCapability(("CAP_DAC_OVERRIDE",), 0),)),
    ("find: 'corrupt': Permission denied", FEW, "capabilities", "so the owner and mode of files apply to it.",
     (HeldCapability(("CAP_DAC_OVERRIDE",), 0),)),
    ("sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
     Asked(no_new_privileges=True), "capabilities", "no-new-privileges is set", (GainedRights(""),)),
    ("sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set", Asked(),
     "namespaces", "nosuid", (GainedRights("/usr/bin/sudo"),)),
    # libc, Go, Node, Java, Python
    ("sh: can't fork: Resource temporarily unavailable", LIMITED, "cgroup", "process limit", (MoreOf("pids",
     50),)),
    ("runtime: failed to create new OS thread (have 5 already; errno=11)", LIMITED, "cgroup", "process limit",
     (MoreOf("pids", 50),)),
    ("java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process limits reached",
     LIMITED, "cgroup", "process limit", (MoreOf("pids", 50),)),
    ("RuntimeError: can't start new thread", LIMITED, "cgroup", "process limit", (MoreOf("pids", 50),)),
    ("pthread_create failed: Operation not permitted", Asked(), "seccomp", "clone3",
     (PassedCall("x86_64", "clone3", ()),)),
    ("nginx: [alert] socket() failed (24: Too many open files)", LIMITED, "cgroup", "open file limit",
     (MoreOf("nofile", 64),)),
    ("Error: ENOSPC: System limit for number of file watchers reached, watch '/app'", Asked(), "kernel", "inotify",
     NOTHING),
    ("ENOMEM: Cannot allocate memory", LIMITED, "cgroup", "got no more memory: its limit", (MoreOf("memory",
     1 << 28),)),
    ("mmap: Cannot allocate memory", Asked(), "kernel", "has no limit of its own", NOTHING),
    ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", LIMITED, "program",
     "Its own heap is full", (MoreOf("memory", 1 << 28),)),
    ("ERROR: could not resize shared memory segment \"/PostgreSQL.1\" to 8388608 bytes: No space left on device",
     Asked(), "cgroup", "/dev/shm", (MoreOf("shm", path="/dev/shm"),)),
    ("write /data/x: no space left on device", Asked(), "kernel", "A filesystem is full", NOTHING),
    ("Error: getaddrinfo EAI_AGAIN db", Asked(), "network", "could not resolve the name", NOTHING),
    ("Error: getaddrinfo EAI_AGAIN db", ALONE, "network", "It has no network", (Network(),)),
    ("psycopg2.OperationalError: could not connect to server: Connection refused", Asked(), "network", "did not answer",
     NOTHING),
    ("Bad system call (core dumped)", Asked(), "seccomp", "A seccomp filter killed", NOTHING),
    ("Fatal glibc error: CPU does not support x86-64-v2", Asked(), "kernel", "a newer CPU", NOTHING),
    ("x: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file", Asked(),
     "image", "The library libpq.so.5", NOTHING),
    ("x: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x)", Asked(), "image", "GLIBC_2.38", NOTHING),
    ("ModuleNotFoundError: No module named 'flask'", Asked(), "image", "needs flask", NOTHING),
    ("Error: Cannot find module 'express'", Asked(), "image", "needs express", NOTHING),
    ("env: 'python3\\r': No such file or directory", Asked(), "image", "There is no program python3", NOTHING),
    ("/start.sh: line 3: exec: node: not found", Asked(), "image", "There is no program node", NOTHING),
    ("you must be root to run this", USER, "usermap", "It has to be root", (RunsAs(0),)),
    ("\"root\" execution of the PostgreSQL server is not permitted. cannot be run as root", Asked(), "program",
     "refuses to run as root", NOTHING),
    ("Error: Database is uninitialized and superuser password is not specified.", Asked(), "program",
     "A required setting",
     NOTHING),
)  # fmt: skip


@pytest.mark.parametrize(("line", "asked", "layer", "said", "wants"), SAID, ids=[each[0][:60] for each in SAID])
def test_what_it_probably_means(line: str, asked: Asked, layer: str, said: str, wants: tuple[Want, ...]) -> None:
    claim = likely(line, asked)
    assert claim is not None
    text = translate(claim.what)
    assert (claim.layer, claim.strength) == (layer, Strength.LEFT), text
    assert said in text
    assert claim.wants == wants


def test_options_that_rule_it_out() -> None:
    line = "chown: /x: Operation not permitted"
    all_rights = Asked(privileged=True)
    assert likely(line, FEW) != likely(line, all_rights)
    lasting = likely("touch: /x: Read-only file system", Asked())
    assert lasting is not None
    assert "its root" not in translate(lasting.what)


def test_healthy_lines_say_nothing() -> None:
    for line in ("", "Server listening on port 8080", "ready to accept connections", "GET / 200 12 ms", "oh no"):
        assert likely(line, Asked()) is None


@given(st.text(max_size=400))
def test_foreign_lines_never_fail(line: str) -> None:
    likely(line, Asked())


def test_a_hostile_line_costs_little() -> None:
    begun = time.process_time()
    for word in ("bind ", "denied ", "exec: ", "/a", ":80 ", "root ", "mlock "):
        likely((word * 2000)[:2000], Asked(user="7"))
    assert time.process_time() - begun < 10  # seconds; without bounds it would be hours
