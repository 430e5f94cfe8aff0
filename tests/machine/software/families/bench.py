"""Small applications as images of one's own are: Ruby, PHP, sudo, compilers, sandboxes, tools of the network, git, FTP.

Most keep their notes in folders of the image, without a volume; several are ordinary users with set-uid programs or
file capabilities, or start others.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from machine.software.families import login
from machine.software.program import PING, BrokenError, Data, Program, Service, expect
from machine.software.reach import connect, crowd, far, page, place, sends, wait
from machine.software.reach import http as ask


def ruby_page(at: Service) -> None:
    expect(page(at, "/"), "ruby", "a page made of a template")


def ruby_work(at: Service) -> None:
    expect([page(at, path) for path in ("/threads", "/fork", "/temporary")], ["140", "forked", "made"], "work")


def ruby_child(at: Service) -> None:
    if not page(at, "/child").isalnum():
        raise BrokenError(page(at, "/child")[:300])


def ruby_many(at: Service) -> None:
    crowd(at, 100, lambda link: ask(link, "/") == (200, "ruby"))


def php_page(at: Service) -> None:
    expect(page(at, "/"), "php", "a page")


def php_child(at: Service) -> None:
    if not page(at, "/?do=who").isalnum():
        raise BrokenError(page(at, "/?do=who")[:300])


def php_session(at: Service) -> None:
    cookie = "Cookie: PHPSESSID=bench123456789012345678901\r\n"
    first, then = page(at, "/?do=session", cookie), page(at, "/?do=session", cookie)
    expect(then, str(int(first) + 1), "a session")


def php_upload(at: Service) -> None:
    part = 'Content-Disposition: form-data; name="file"; filename="x"'
    body = f"--part\r\n{part}\r\n\r\nkept\r\n--part--\r\n".encode()
    with connect(at) as link:
        head = "Content-Type: multipart/form-data; boundary=part\r\n"
        expect(ask(link, "/?do=upload", head, "POST", body), (200, "kept"), "an upload")


def php_many(at: Service) -> None:
    """Slow requests at once are answered by several workers."""
    with ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        links = [stack.enter_context(connect(at)) for _ in range(6)]
        found = list(pool.map(lambda link: ask(link, "/?do=sleep"), links))
    if len(set(found)) < 2 or any(status != 200 for status, _ in found):
        raise BrokenError(f"the workers {found}")


def _page_is(name: str, at: Service) -> None:
    expect(page(at, "/page"), name, "a page")


def compile_page(at: Service) -> None:
    _page_is("compile", at)


def _sent(at: Service, path: str, text: str) -> str:
    with connect(at) as link:
        return ask(link, path, "Content-Type: text/plain\r\n", "POST", text.encode())[1]


def _source(says: str) -> str:
    return f'#include <stdio.h>\nint main(void) {{ printf("{says}"); return 0; }}\n'


def compile_and_run(at: Service) -> None:
    """In a folder of its own in /tmp, where it must be able to run what it made."""
    expect(_sent(at, "/cgi-bin/build?first", _source("built")), "built", "a program")


def compile_in_memory(at: Service) -> None:
    expect(_sent(at, "/cgi-bin/inmemory", _source("in memory")), "in memory", "a program that is only in memory")


def compile_library(at: Service) -> None:
    expect(page(at, "/cgi-bin/library"), "7", "a library of its own")


def box_page(at: Service) -> None:
    _page_is("box", at)


def box_sandbox(at: Service) -> None:
    expect(page(at, "/cgi-bin/run").split(), ["in", "0", "alone"], "a sandbox")


def box_root(at: Service) -> None:
    expect(page(at, "/cgi-bin/root"), "0", "root of its own user namespace")


def box_nested(at: Service) -> None:
    expect(page(at, "/cgi-bin/twice"), "nested", "a sandbox in a sandbox")


def sudo_page(at: Service) -> None:
    _page_is("sudo", at)


def sudo_root(at: Service) -> None:
    expect(page(at, "/cgi-bin/who"), "root", "sudo")


def sudo_other(at: Service) -> None:
    expect(page(at, "/cgi-bin/other"), "other", "sudo to another user")


def sudo_refused(at: Service) -> None:
    expect(page(at, "/cgi-bin/refused"), "refused", "what its rules do not allow")


def probe_page(at: Service) -> None:
    _page_is("probe", at)


def probe_raw(at: Service) -> None:
    expect(page(at, "/cgi-bin/raw"), "answered", "an echo by a raw socket of a file capability")


def probe_packet(at: Service) -> None:
    expect(page(at, "/cgi-bin/packet"), "packets", "a packet socket")


def probe_ping(at: Service) -> None:
    expect([page(at, f"/cgi-bin/{tool}") for tool in ("ping", "fping")], ["reached", "reached"], "ping, fping")


def probe_trace(at: Service) -> None:
    expect(page(at, "/cgi-bin/trace"), "127.0.0.1", "traceroute")


def _git(at: Service, folder: str, *words: str) -> str:
    """Git of this machine, from another network."""
    where = far(at.rig)
    clean = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "HOME": folder}
    people = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ("nsenter", f"--net={where.network}", "git", "-C", folder, *words),
        env={**os.environ, **clean, **people},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise BrokenError(f"git {' '.join(words)[:80]}: {done.stderr[-300:]}")
    return done.stdout.strip()


def _url(at: Service) -> str:
    return f"git://{far(at.rig).host}:{at.port}/table.git"


def _push(at: Service, branch: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _git(at, folder, "init", "-q", "-b", branch)
        (Path(folder) / "file").write_text(branch)
        _git(at, folder, "add", "file")
        _git(at, folder, "commit", "-q", "-m", branch)
        _git(at, folder, "push", "-q", "--force", _url(at), branch)


def _heads(at: Service) -> str:
    return _git(at, "/", "ls-remote", "--heads", _url(at))


def git_lists(at: Service) -> None:
    _heads(at)


def git_push(at: Service) -> None:
    """A push, and what its hook writes."""
    _push(at, "pushed")
    if "refs/heads/pushed git" not in (told := place(at, "/srv/git/table.git/told").read_text()):
        raise BrokenError(f"the hook: {told[-200:]}")


def git_clone(at: Service) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _git(at, folder, "clone", "-q", "-b", "pushed", _url(at), "copy")
        expect((Path(folder) / "copy/file").read_text(), "pushed", "a file of a clone")


def git_many(at: Service) -> None:
    def lists(link: socket.socket) -> bool:
        text = b"git-upload-pack /table.git\0host=box\0"
        link.sendall(f"{len(text) + 4:04x}".encode() + text)
        return bool(link.recv(4))

    crowd(at, 20, lists)


def watched_page(at: Service) -> None:
    _page_is("probe", at)


def _ctl(at: Service, *words: str) -> str:
    return at.session("supervisorctl", "-c", "/etc/supervisor/table.conf", *words)[1]


def watched_status(at: Service) -> None:
    wait("both programs run", lambda: _ctl(at, "status").count("RUNNING") == 2)


def watched_again(at: Service) -> None:
    """A program that dies is started again; one is stopped and started."""
    old = at.rig.run("exec", at.name, "pgrep", "-o", "-f", "bin/worker", check=False)
    at.session("pkill", "-KILL", "-f", "bin/worker", user="other")
    wait("another worker", lambda: at.session("pgrep", "-o", "-f", "bin/worker")[1] not in ("", old))
    _ctl(at, "restart", "pages")
    wait("a page after the restart", lambda: page(at, "/page") == "probe")


def watched_users(at: Service) -> None:
    text = at.says("ps", "-eo", "user:16,args")
    found = {line.split()[0] for line in text.splitlines() if "httpd" in line or "bin/worker" in line}
    expect(found, {"app", "other"}, "users of the programs")


def watched_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("both run after the reload", lambda: _ctl(at, "status").count("RUNNING") == 2)


def _note(at: Service, name: str) -> None:
    at.shell('echo "$1" >/tmp/notes', name, user="app")
    wait("the note", lambda: _noted(at, name))


def _noted(at: Service, name: str) -> bool:
    return f"{name} other" in place(at, "/var/lib/worker/notes").read_text().splitlines()


def vsftpd_log(at: Service) -> None:
    if "app" not in (said := place(at, "/var/log/vsftpd.log").read_text()):
        raise BrokenError(f"no upload in the log: {said[-200:]}")


_TIGHT = ("read-only-root=on", "capabilities=none")
_USER = ("--user", "app")

PROGRAMS = (
    # root all the time, notes in a folder of the image
    Program(
        "ruby", "bench", 8080, ("ruby", "/srv/ruby/main.rb"),
        (ruby_page, ruby_work, ruby_child, ruby_many),
        ("capabilities=none", "user=app", "pids=400"), hand_before="chown -R app: /var/lib/ruby-notes",
        data=Data(
            lambda at, name: expect(page(at, f"/put?{name}"), "kept", "a note"),
            lambda at, name: page(at, f"/get?{name}") == "kept",
        ),
        breaks=(("--tmpfs /tmp:ro", "ruby_work"),),
    ),
    Program(
        "php", "bench", 8080, ("php", "-S", "0.0.0.0:8080", "-t", "/srv/php", "/srv/php/index.php"),
        (php_page, php_child, php_session, php_upload, php_many),
        ("capabilities=none", "user=app", "pids=30", "memory=128m"), options=("-e", "PHP_CLI_SERVER_WORKERS=4"),
        hand_before="chown -R app: /var/lib/php /var/lib/php-notes",
        data=Data(
            lambda at, name: expect(page(at, f"/?do=put&key={name}"), "written", "a note"),
            lambda at, name: page(at, f"/?do=get&key={name}") == "kept",
        ),
        breaks=(("--tmpfs /tmp:ro", "php_upload"),),
    ),
    Program(
        "compiler", "bench", 8080, ("busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/compile"),
        (compile_page, compile_and_run, compile_in_memory, compile_library),
        ("capabilities=none", "user=app", "pids=50", "memory=256m"), hand_before="chown -R app: /var/lib/builds",
        data=Data(
            lambda at, name: expect(_sent(at, f"/cgi-bin/build?{name}", _source(name)), name, "a program"),
            lambda at, name: page(at, f"/cgi-bin/kept?{name}") == name,
        ),
        breaks=(("--tmpfs /tmp:noexec", "compile_and_run"),),
    ),
    # makes namespaces, as sandboxes and browsers do; unconfined for it
    Program(
        "bwrap", "bench", 8080, ("busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/box"),
        (box_page, box_sandbox, box_root, box_nested),
        ("seccomp=", "capabilities=none", "pids=50", "memory=64m"),
        options=(*_USER, "--security-opt", "seccomp=unconfined"),
        data=Data(
            lambda at, name: expect(page(at, f"/cgi-bin/keep?{name}"), "written", "a file from a sandbox"),
            lambda at, name: page(at, f"/cgi-bin/kept?{name}") == name,
        ),
        breaks=(("--tmpfs /tmp:ro,mode=0500 --pids-limit 5", "box_nested"),),
    ),
    Program(
        "sudo", "bench", 8080, ("busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/sudo"),
        (sudo_page, sudo_root, sudo_other, sudo_refused),
        ("no-new-privileges=", "capabilities=SETGID,SETUID,AUDIT_WRITE", "pids=50", "memory=64m"), options=_USER,
        data=Data(
            lambda at, name: expect(page(at, f"/cgi-bin/add?{name}"), "added", "an account"),
            lambda at, name: page(at, f"/cgi-bin/has?{name}") == name,
        ),
        breaks=(("--security-opt no-new-privileges", "sudo_root"), ("--cap-drop SETUID", "sudo_root")),
    ),
    Program(
        "probe", "bench", 80, ("/usr/local/lib/web/httpd", "-f", "-p", "80", "-h", "/srv/probe"),
        (probe_page, probe_raw, probe_packet, probe_ping, probe_trace),
        ("no-new-privileges=", "seccomp=", "read-only-root=on", "capabilities=NET_RAW,NET_BIND_SERVICE", "pids=50",
         "memory=64m"), options=(*_USER, "--cap-add", "NET_RAW", *PING),
        breaks=(("--security-opt no-new-privileges --sysctl net.ipv4.ip_unprivileged_port_start=0", "probe_raw"),),
    ),
    Program(
        "git", "bench", 9418,
        ("git", "daemon", "--reuseaddr", "--base-path=/srv/git", "--export-all", "--enable=receive-pack",
         "--user=git", "--group=git"),
        (git_lists, git_push, git_clone, git_many),
        ("capabilities=SETGID,SETUID", "pids=100", "memory=256m"),
        data=Data(_push, lambda at, name: f"refs/heads/{name}" in _heads(at)),
        breaks=(("--cap-drop SETUID", "git_lists"),),
    ),
    Program(
        "supervisord", "bench", 8080, ("supervisord", "-c", "/etc/supervisor/table.conf"),
        (watched_page, watched_status, watched_again, watched_users, watched_reload),
        ("capabilities=KILL,SETGID,SETUID", "pids=50", "memory=128m"),
        data=Data(_note, _noted),
        breaks=(("--cap-drop SETGID", "watched_page"),),
    ),
    # its children take a parent whose PID is 1 for one that has ended
    Program(
        "vsftpd", "bench", 21, ("vsftpd", "/etc/vsftpd-table.conf"),
        (login.ftp_greets, login.ftp_files, login.ftp_other_user, login.ftp_wrong_password, vsftpd_log,
         login.ftp_many),
        ("capabilities=SETGID,SETUID,SYS_CHROOT,AUDIT_WRITE,DAC_OVERRIDE,NET_BIND_SERVICE,CHOWN", "pids=300",
         "memory=128m"),
        options=("--init",), data=Data(login.ftp_put, login.ftp_has),
        breaks=(("--cap-drop SYS_CHROOT", "ftp_greets"),),
    ),
)  # fmt: skip
