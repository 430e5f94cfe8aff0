"""Those who become someone else on demand: logins, jobs, file transfer, delivery of mail, a log of many hosts."""

from __future__ import annotations

import ftplib
import io
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import (
    PATIENCE,
    connect,
    crowd,
    far,
    inside,
    line_of,
    place,
    rotated,
    sends,
    wait,
)

_SSH = (
    *("-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "LogLevel=ERROR", "-o", f"ConnectTimeout={PATIENCE:.0f}"),
)


def _client(at: Service, program: str, *words: str, password: str = "", typed: str = "") -> str:
    """What ssh or scp says: with the key of the image, or a password."""
    with tempfile.TemporaryDirectory() as folder:
        key, asked = Path(folder) / "key", Path(folder) / "asked"
        key.write_text(at.says("cat", "/opt/client-key") + "\n")
        key.chmod(0o600)
        asked.write_text(f"#!/bin/sh\necho {password}\n")
        asked.chmod(0o700)
        way = ("-o", "PubkeyAuthentication=no") if password else ("-i", str(key), "-o", "BatchMode=yes")
        port, where = "-p" if program == "ssh" else "-P", far(at.rig)
        words = tuple(word.replace("app@", f"app@{where.host}", 1) for word in words)
        command = ("nsenter", f"--net={where.network}", program, *_SSH, port, str(at.port), *way, *words)
        environ = {**os.environ, "SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
        done = subprocess.run(
            command, env=environ, text=True, capture_output=True, check=False, input=typed, start_new_session=True
        )
    if done.returncode != 0:
        raise BrokenError(f"{program}: {done.returncode}: {(done.stdout + done.stderr)[-300:]}")
    return done.stdout.strip()


def ssh_greets(at: Service) -> None:
    with connect(at) as link:
        expect(line_of(link)[:8], "SSH-2.0-", "its greeting")


def ssh_key(at: Service) -> None:
    expect(_client(at, "ssh", "app@", "id -un; id -Gn"), "app\napp", "a login by key")


def ssh_password(at: Service) -> None:
    expect(_client(at, "ssh", "app@", "id -un", password="secret"), "app", "a login by password")


def ssh_terminal(at: Service) -> None:
    expect(_client(at, "ssh", "-tt", "app@", "stat -c %U $(tty)"), "app", "a login with a terminal")


def ssh_sudo(at: Service) -> None:
    expect(_client(at, "ssh", "app@", "sudo -S id -un 2>/dev/null", typed="secret\n"), "root", "sudo")


def ssh_su(at: Service) -> None:
    said = _client(at, "ssh", "app@", "su other -c 'id -un' 2>/dev/null", typed="other-secret\n")
    expect(said, "other", "su to another user")


def ssh_copy(at: Service) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "here"
        here.write_text("kept")
        _client(at, "scp", str(here), "app@:there")
        _client(at, "scp", "app@:there", f"{folder}/back")
        expect((Path(folder) / "back").read_text(), "kept", "a copied file")


def ssh_change_password(at: Service) -> None:
    """An administrator changes a password, which writes files of root."""
    at.does("chpasswd", user="0", typed="other:other-secret\n")


def _at_home(at: Service, name: str) -> None:
    _client(at, "ssh", "app@", f"echo kept >{name}")


def ssh_many(at: Service) -> None:
    crowd(at, 40, lambda link: line_of(link).startswith("SSH-2.0-"))


def ssh_reload(at: Service) -> None:
    """On SIGHUP it starts itself anew and binds its port again."""
    sends(at, "HUP")
    wait("a login after the reload", lambda: _client(at, "ssh", "app@", "id -un") == "app")


def _this_start(at: Service) -> str:
    """The first process's start, by which the jobs tell one start of the container from another."""
    return at.says("cut", "-d", " ", "-f", "22", "/proc/1/stat")


def cron_runs(at: Service) -> None:
    expect(at.says("cat", "/proc/1/comm"), "cron", "its first process")


def cron_job(at: Service) -> None:
    """The job of the user app, at the first start: what says so lies in /run, and outlives a restart."""
    wanted = f"reboot {_this_start(at)} app"
    wait(f"the job's line {wanted!r}", lambda: wanted in place(at, "/data/ran").read_text().splitlines(), 10)


def cron_other_user(at: Service) -> None:
    """A job of another user, with a pipe and a file of its own."""
    wait("the job of another user", lambda: f"other {_this_start(at)} other" in place(at, "/tmp/other").read_text(), 10)


def cron_own_table(at: Service) -> None:
    """A user installs a table of jobs, by the set-gid crontab(1)."""
    _in_table(at, "own")
    expect(at.says("crontab", "-l", user="app").splitlines()[-1], "0 0 1 1 * true own", "the user's table")


def _in_table(at: Service, name: str) -> None:
    """A line of the user's own table."""
    table = at.session("crontab", "-l", user="app")
    lines = table[1] if table[0] == 0 else ""
    at.does("crontab", "-", user="app", typed=f"{lines}\n0 0 1 1 * true {name}\n")


def cron_each_minute(at: Service) -> None:
    """The next minute's job."""
    wanted = f"minute {_this_start(at)} app"
    wait("the job of a minute", lambda: wanted in place(at, "/data/ran").read_text().splitlines(), 75)


def _files(link: ftplib.FTP) -> str:
    """Upload, listing, download, rename, removal."""
    link.storbinary("STOR up", io.BytesIO(b"kept" * 1000))
    link.rename("up", "moved")
    parts: list[bytes] = []
    link.retrbinary("RETR moved", parts.append)
    names = link.nlst()
    link.delete("moved")
    return f"{b''.join(parts) == b'kept' * 1000} {'moved' in names} {link.pwd()}"


def _ftp(at: Service, user: str = "app", password: str = "secret", work: Callable[[ftplib.FTP], str] = _files) -> str:
    """What `work` says of a connection that is logged in: inside, since only its first port is published."""

    def talk() -> str:
        with ftplib.FTP(timeout=PATIENCE) as link:
            link.connect("127.0.0.1", 21)
            link.login(user, password)
            return work(link)

    try:
        return inside(at, talk)
    except ftplib.Error as error:
        raise BrokenError(str(error)) from None


def ftp_put(at: Service, name: str) -> None:
    _ftp(at, work=lambda link: link.storbinary(f"STOR {name}", io.BytesIO(b"kept")))


def ftp_has(at: Service, name: str) -> bool:
    return name in _ftp(at, work=lambda link: " ".join(link.nlst())).split()


def ftp_greets(at: Service) -> None:
    with connect(at) as link:
        expect(line_of(link)[:3], "220", "its greeting")


def ftp_files(at: Service) -> None:
    expect(_ftp(at), "True True /", "files")


def ftp_other_user(at: Service) -> None:
    expect(_ftp(at, "other", "other-secret"), "True True /", "files of another user")


def ftp_wrong_password(at: Service) -> None:
    try:
        said = _ftp(at, "app", "wrong")
    except BrokenError as error:
        said = str(error)
    expect(said[:3], "530", "a wrong password")


def ftp_active(at: Service) -> None:
    """The server connects to the client, from port 20."""

    def lists(link: ftplib.FTP) -> str:
        link.set_pasv(False)
        return str(link.nlst())

    _ftp(at, work=lists)


def ftp_log(at: Service) -> None:
    """What was sent and fetched stands in a log of root, though the process is a user's by then."""
    if " i r app " not in (said := place(at, "/var/log/proftpd/transfers").read_text()):
        raise BrokenError(f"no upload in the log: {said[-200:]}")


def ftp_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("a login after the reload", lambda: _ftp(at) == "True True /")


def ftp_many(at: Service) -> None:
    crowd(at, 50, lambda link: line_of(link).startswith("220"))


def _logged(at: Service, text: str, file: str = "/var/log/remote/far/all.log") -> bool:
    return text in place(at, file).read_text()


def _remote(text: str) -> bytes:
    return f"<13>1 2026-01-01T00:00:00Z far app - - - {text}\n".encode()


def log_tcp(at: Service) -> None:
    _log(at, f"tcp-{time.monotonic_ns()}")


def _log(at: Service, text: str) -> None:
    with connect(at) as link:
        link.sendall(_remote(text))
    wait("a line by TCP", lambda: _logged(at, text), 5)


def log_udp(at: Service) -> None:
    text = f"udp-{time.monotonic_ns()}"

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.sendto(_remote(text), ("127.0.0.1", 514))

    inside(at, send)
    wait("a line by UDP", lambda: _logged(at, text), 5)


def log_owner(at: Service) -> None:
    expect(at.says("stat", "-c", "%U", "/var/log/remote/far/all.log"), "app", "the owner of the file")


def log_local(at: Service) -> None:
    """By the socket /dev/log, as programs beside it do."""
    text = f"local-{time.monotonic_ns()}"
    at.does("logger", text, user="app")
    wait("a line by the socket", lambda: str(at.session("grep", "-rq", text, "/var/log/remote")[0]) == "0", 5)


def _logs(at: Service) -> list[Path]:
    """Also the one that was rotated."""
    return list(place(at, "/var/log/remote/far").glob("all.log*"))


def log_rotate(at: Service) -> None:
    """The file is moved away by its owner, and after SIGHUP a new one is written, which is the owner's again."""
    rotated(at, "/var/log/remote/far/all.log", "HUP", lambda: log_tcp(at))
    log_owner(at)


def log_many(at: Service) -> None:
    def sends_line(link: socket.socket) -> bool:
        link.sendall(_remote("crowd"))
        return True

    crowd(at, 300, sends_line)


_HOLD = ("read-only-root=on",)

PROGRAMS = (
    # sudo and su are set-uid, so no-new-privileges can't be; by hand only what no login needs is taken
    Program(
        "sshd", "login", 22, ("sshd-entry",),
        (ssh_greets, ssh_key, ssh_password, ssh_terminal, ssh_sudo, ssh_su, ssh_copy, ssh_change_password, ssh_many,
         ssh_reload),
        ("no-new-privileges=", "capabilities=CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID,SYS_CHROOT,AUDIT_WRITE,KILL",
         "pids=200", "memory=256m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID,SYS_CHROOT,KILL,NET_BIND_SERVICE",),
        volumes=("/home",), data=Data(_at_home, lambda at, name: place(at, f"/home/app/{name}").exists()),
        breaks=(
            ("--security-opt no-new-privileges", "ssh_sudo"),
            ("--cap-drop SETUID", "ssh_key"),
            ("--cap-drop CHOWN", "ssh_terminal"),
        ),
    ),
    Program(
        "cron", "login", 22, ("cron", "-f"),
        (cron_runs, cron_job, cron_other_user, cron_own_table, cron_each_minute),
        ("no-new-privileges=", "read-only-root=on", "capabilities=SETGID,SETUID,AUDIT_WRITE", "tmpfs=/run,/tmp",
         "pids=50", "memory=64m"),
        hand_podman=("capabilities=SETGID,SETUID",),
        volumes=("/data", "/var/spool/cron/crontabs"),
        data=Data(_in_table, lambda at, name: f"true {name}" in at.says("crontab", "-l", user="app")),
        breaks=(("--cap-drop SETGID", "cron_job"), ("--security-opt no-new-privileges", "cron_own_table")),
    ),
    Program(
        "proftpd", "login", 21, ("proftpd", "-n", "-c", "/etc/proftpd-table.conf"),
        (ftp_greets, ftp_files, ftp_other_user, ftp_wrong_password, ftp_active, ftp_log, ftp_many, ftp_reload),
        # its scoreboard in /run may not lie where everybody writes, as in a tmpfs of Docker's
        ("capabilities=SETGID,SETUID,SYS_CHROOT,AUDIT_WRITE,NET_BIND_SERVICE,CHOWN,FOWNER,DAC_OVERRIDE", "pids=200",
         "memory=64m"),
        volumes=("/home", "/var/log/proftpd"), data=Data(ftp_put, ftp_has),
        breaks=(("--cap-drop SYS_CHROOT", "ftp_files"), ("--cap-drop SETUID", "ftp_greets")),
    ),
    Program(
        "rsyslog", "login", 514, ("rsyslogd", "-n", "-iNONE"),
        (log_tcp, log_udp, log_owner, log_local, log_rotate, log_many),
        (*_HOLD, "capabilities=CHOWN,DAC_OVERRIDE", "tmpfs=/run", "pids=30", "memory=128m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,NET_BIND_SERVICE",),
        volumes=("/var/log/remote", "/var/spool/rsyslog"),
        data=Data(_log, lambda at, name: any(name in each.read_text() for each in _logs(at))),
        breaks=(("--cap-drop CHOWN", "log_owner"),),
    ),
)  # fmt: skip
