"""Servers of the network: names by UDP and TCP, messages, chat, TLS in front of another."""

from __future__ import annotations

import socket
import ssl
import struct
import time

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import PATIENCE, connect, crowd, inside, line_of, logs, passes, place, rotated, sends, wait


def _question(name: str) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def _address(answer: bytes) -> str:
    """The address in an answer whose last record is one, else its code."""
    code, count = answer[3] & 15, int.from_bytes(answer[6:8], "big")
    return socket.inet_ntoa(answer[-4:]) if count and not code else f"code {code}"


def asked(at: Service, name: str) -> str:
    """By UDP, inside, as its neighbours ask."""

    def talk() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(PATIENCE)
            link.sendto(_question(name), ("127.0.0.1", 53))
            answer = link.recv(512)
        authority = int.from_bytes(answer[8:10], "big") + int.from_bytes(answer[10:12], "big")
        end = len(_question(name)) + 16 if authority else len(answer)
        return _address(answer[:end])

    return inside(at, talk)


def _asked_by(link: socket.socket, name: str) -> str:
    text = _question(name)
    link.sendall(len(text).to_bytes(2, "big") + text)
    stream = link.makefile("rb")
    size = stream.read(2)
    if len(size) < 2:
        raise EOFError("it closed the connection")
    return _address(stream.read(int.from_bytes(size, "big"))[: len(text) + 16])


def names_by_udp(at: Service) -> None:
    expect(asked(at, "www.box.test"), "10.9.8.7", "a name by UDP")


def names_by_tcp(at: Service) -> None:
    with connect(at) as link:
        expect(_asked_by(link, "www.box.test"), "10.9.8.7", "a name by TCP")


def names_many(at: Service) -> None:
    crowd(at, 60, lambda link: _asked_by(link, "www.box.test") == "10.9.8.7")


def names_some(at: Service) -> None:
    """Each takes a process, of which there may be twenty."""
    crowd(at, 15, lambda link: _asked_by(link, "www.box.test") == "10.9.8.7")


def _rndc(at: Service, *words: str) -> str:
    return at.does("rndc", "-k", "/etc/bind/rndc.key", *words)


def named_control(at: Service) -> None:
    if "server is up" not in (said := _rndc(at, "status")):
        raise BrokenError(said)


def named_reload(at: Service) -> None:
    _rndc(at, "reload")
    wait("a name after the reload", lambda: asked(at, "www.box.test") == "10.9.8.7")


def _update(at: Service, *lines: str) -> None:
    at.does("nsupdate", typed="\n".join(("server 127.0.0.1", "zone box.test", *lines, "send", "")))


def named_update(at: Service) -> None:
    """A dynamic update writes a journal beside the zone; freezing writes the zone."""
    number = time.monotonic_ns() % 200 + 1
    _update(at, "update delete new.box.test A", f"update add new.box.test 60 A 10.9.9.{number}")
    expect(asked(at, "new.box.test"), f"10.9.9.{number}", "a name that was added")
    _rndc(at, "sync", "-clean", "box.test")
    if "new" not in place(at, "/var/cache/bind/db.box.test").read_text():
        raise BrokenError("the zone was not written")


def named_transfer(at: Service) -> None:
    if "10.9.8.7" not in (said := at.says("dig", "@127.0.0.1", "AXFR", "box.test")):
        raise BrokenError(said[:200])


def named_dump(at: Service) -> None:
    """It writes what it knows into its folder."""
    _rndc(at, "stats")
    wait("the statistics", lambda: "Statistics" in place(at, "/var/cache/bind/named.stats").read_text())


def dnsmasq_reload(at: Service) -> None:
    """On SIGHUP it reads its hosts again."""
    number = time.monotonic_ns() % 200 + 1
    name = f"added-{time.monotonic_ns()}"
    _host(at, name, f"10.9.7.{number}")
    wait("a name that was added", lambda: asked(at, f"{name}.box.test") == f"10.9.7.{number}")


def _host(at: Service, name: str, address: str = "10.9.7.5") -> None:
    hosts = place(at, "/data/hosts")
    hosts.write_text(f"{hosts.read_text()}{address} {name}.box.test\n")
    sends(at, "HUP")


def dnsmasq_tftp(at: Service) -> None:
    def talk() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(PATIENCE)
            link.sendto(b"\0\1file\0octet\0", ("127.0.0.1", 69))
            return link.recv(600)

    expect(inside(at, talk)[4:], b"from tftp\n", "a file by TFTP")


def dnsmasq_log(at: Service) -> None:
    """What it knows is told at SIGUSR1."""
    sends(at, "USR1")
    wait("the figures", lambda: "cache size" in logs(at))


def _packet(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _greet(link: socket.socket, name: str = "") -> bool:
    link.sendall(_packet(0x10, _text("MQTT") + b"\x04\x02\0\x3c" + _text(name)))
    return link.recv(4) == b"\x20\x02\0\0"


def _publish(at: Service, topic: str, text: str) -> None:
    """Kept by the server, and acknowledged."""
    with connect(at) as link:
        expect(_greet(link), True, "a client")
        link.sendall(_packet(0x33, _text(topic) + b"\0\1" + text.encode()))
        expect(link.recv(4), b"\x40\x02\0\1", "an acknowledgement")


def _subscribed(at: Service, topic: str) -> str:
    with connect(at) as link:
        _greet(link)
        link.sendall(_packet(0x82, b"\0\1" + _text(topic) + b"\0"))
        said = link.makefile("rb").read(5 + 2 + 2 + len(topic) + 4)
        return said[-4:].decode()


def _message(at: Service, name: str) -> None:
    _publish(at, f"kept/{name}", "kept")


def _messaged(at: Service, name: str) -> bool:
    return _subscribed(at, f"kept/{name}") == "kept"


def messages(at: Service) -> None:
    _publish(at, "table", "kept")
    expect(_subscribed(at, "table"), "kept", "a message")


def messages_saved(at: Service) -> None:
    """On SIGUSR1 it writes its database, by a new file that takes the place of the old."""
    sends(at, "USR1")
    wait("the database", place(at, "/var/lib/mosquitto/mosquitto.db").exists)


def messages_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("the message after a restart", lambda: _subscribed(at, "table") == "kept")


def messages_rotate(at: Service) -> None:
    rotated(at, "/var/log/mosquitto/table.log", "HUP", lambda: messages(at))


def messages_many(at: Service) -> None:
    crowd(at, 300, _greet)


def _joins(link: socket.socket, name: str) -> bool:
    link.sendall(f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode())
    while (line := line_of(link)).split(" ")[1] != "001":
        if line.startswith("PING"):
            link.sendall(line.replace("PING", "PONG").encode() + b"\r\n")
    return True


def chat(at: Service) -> None:
    """Two people in a channel."""
    with connect(at) as first, connect(at) as second:
        for link, name in ((first, "one"), (second, "two")):
            _joins(link, name)
            link.sendall(b"JOIN #table\r\n")
            while " 366 " not in line_of(link):
                pass
        first.sendall(b"PRIVMSG #table :kept\r\n")
        while "PRIVMSG" not in (line := line_of(second)):
            pass
        expect(line.endswith(":kept"), True, "a word in the channel")


def chat_many(at: Service) -> None:
    names = iter(f"n{number}" for number in range(200))
    crowd(at, 100, lambda link: _joins(link, next(names)))


def chat_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("a chat after the reload", passes(chat, at))


def chat_message_of_the_day(at: Service) -> None:
    with connect(at) as link:
        _joins(link, "motd")
        link.sendall(b"MOTD\r\n")
        while (code := line_of(link).split(" ")[1]) not in ("372", "422"):
            pass
    expect(code, "372", "the message of the day")


def _echo(link: socket.socket) -> bool:
    """Whether a program that it starts makes of a line what it should."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(link) as secure:
        secure.sendall(b"kept\n")
        return secure.recv(10) == b"KEPT\n"


def tls(at: Service) -> None:
    with connect(at) as link:
        expect(_echo(link), True, "a line by TLS and a program")


def tls_many(at: Service) -> None:
    def shakes(link: socket.socket) -> bool:
        return _echo(link)

    crowd(at, 40, shakes)


def tls_reload(at: Service) -> None:
    """Settings, certificate and key are read again, by the user that it became."""
    sends(at, "HUP")
    wait("TLS after the reload", passes(tls, at))


def tls_rotate(at: Service) -> None:
    rotated(at, "/var/log/stunnel4/table.log", "USR1", lambda: tls(at))


def _zone(at: Service, name: str) -> None:
    """A zone that is added while it runs: its file, and an entry in the list of zones, both in its jail."""
    script = 'cd /srv/nsd/zones && sed "s/box.test/$1.test/g" box.test.zone >"$1.test.zone"'
    at.shell(script, name, user="nsd")
    said = at.does("nsd-control", "-c", "/etc/nsd-table.conf", "addzone", f"{name}.test", "own", user="0")
    expect(said, "ok", "adding a zone")


def _zoned(at: Service, name: str) -> bool:
    return asked(at, f"www.{name}.test") == "10.9.8.7"


def nsd_added(at: Service) -> None:
    name = f"z{time.monotonic_ns()}"
    _zone(at, name)
    wait("the zone", lambda: _zoned(at, name))


def nsd_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("a name after the reload", lambda: asked(at, "www.box.test") == "10.9.8.7")
    expect(at.does("nsd-control", "-c", "/etc/nsd-table.conf", "reload", user="0"), "ok", "a reload by its control")


def nsd_dump(at: Service) -> None:
    """It writes the zones, with their state, into its jail."""
    expect(at.does("nsd-control", "-c", "/etc/nsd-table.conf", "write", user="0"), "ok", "writing the zones")


def _unbound(at: Service, *words: str) -> str:
    return at.does("unbound-control", "-c", "/etc/unbound/table.conf", *words, user="0")


def unbound_control(at: Service) -> None:
    expect(_unbound(at, "local_data", "more.box.test.", "A", "10.9.6.5"), "ok", "a name by its control")
    expect(asked(at, "more.box.test"), "10.9.6.5", "the name")


def unbound_reload(at: Service) -> None:
    """On SIGHUP it reads its settings again, from inside its jail."""
    sends(at, "HUP")
    wait("a name after the reload", lambda: asked(at, "www.box.test") == "10.9.8.7")
    expect(_unbound(at, "reload"), "ok", "a reload by its control")
    wait("a name after that", lambda: asked(at, "www.box.test") == "10.9.8.7")


def _rsync(at: Service, name: str, module: str = "share", user: str = "") -> None:
    where = f"rsync://{user}127.0.0.1/{module}/{name}"
    at.shell('echo kept >/tmp/sent && RSYNC_PASSWORD=secret rsync -t /tmp/sent "$1"', where)


def rsync_greets(at: Service) -> None:
    with connect(at) as link:
        expect(line_of(link)[:8], "@RSYNCD:", "its greeting")


def rsync_share(at: Service) -> None:
    """Into a jail, as nobody."""
    _rsync(at, "file")
    expect(at.says("stat", "-c", "%U", "/srv/share/file"), "nobody", "the owner of the file")


def rsync_login(at: Service) -> None:
    """With a password from a file that only root may read, as another user."""
    _rsync(at, "file", "app", "app@")
    expect(at.says("stat", "-c", "%U", "/home/share-app/file"), "app", "the owner of the file")


def rsync_many(at: Service) -> None:
    crowd(at, 30, lambda link: line_of(link).startswith("@RSYNCD:"))


def _nats(at: Service, subject: str, text: str) -> str:
    """A request: the answer's text."""
    with connect(at) as link:
        line_of(link)  # it tells of itself
        ask = f"PUB {subject} box {len(text.encode())}\r\n{text}\r\n"
        link.sendall(f'CONNECT {{"verbose":false}}\r\nSUB box 1\r\n{ask}'.encode())
        link.settimeout(PATIENCE)
        while not (line := line_of(link)).startswith("MSG"):
            if line == "PING":
                link.sendall(b"PONG\r\n")
        return line_of(link)


def _stream(at: Service) -> None:
    said = _nats(at, "$JS.API.STREAM.CREATE.KEPT", '{"name":"KEPT","subjects":["kept.>"],"storage":"file"}')
    if '"config"' not in said and "already in use" not in said:
        raise BrokenError(said[:300])


def _queued(at: Service, name: str) -> None:
    _stream(at)
    if '"seq"' not in (said := _nats(at, f"kept.{name}", "kept")):
        raise BrokenError(said[:300])


def _in_queue(at: Service, name: str) -> bool:
    said = _nats(at, "$JS.API.STREAM.MSG.GET.KEPT", f'{{"last_by_subj":"kept.{name}"}}')
    return '"data":"a2VwdA=="' in said


def nats_up(at: Service) -> None:
    with connect(at) as link:
        expect(line_of(link)[:5], "INFO ", "its greeting")


def nats_queue(at: Service) -> None:
    _queued(at, "one")
    expect(_in_queue(at, "one"), True, "a message of the queue")


def nats_purge(at: Service) -> None:
    """Files of the queue go."""
    said = _nats(at, "$JS.API.STREAM.PURGE.KEPT", '{"filter":"kept.one"}')
    if '"success":true' not in said:
        raise BrokenError(said[:300])


def nats_reload(at: Service) -> None:
    sends(at, "HUP")
    nats_queue(at)


def nats_many(at: Service) -> None:
    crowd(at, 300, lambda link: line_of(link).startswith("INFO "))


_TIGHT = ("read-only-root=on", "capabilities=none")

PROGRAMS = (
    Program(
        "named", "net", 53, ("named", "-f", "-u", "bind", "-c", "/etc/bind/table.conf"),
        (names_by_tcp, names_by_udp, named_control, named_reload, named_update, named_transfer, named_dump, names_many),
        (*_TIGHT, "user=bind", "tmpfs=/run/named", "pids=60", "memory=256m"),
        volumes=("/var/cache/bind",),
        data=Data(
            lambda at, name: _update(at, f"update add {name}.box.test 60 A 10.9.9.9"),
            lambda at, name: asked(at, f"{name}.box.test") == "10.9.9.9",
        ),
        hand_podman=("capabilities=NET_BIND_SERVICE", "read-only-root=", "tmpfs="),
        breaks=(("--cap-drop SETUID", "names_by_tcp"),),
    ),
    Program(
        "dnsmasq", "net", 53,
        ("dnsmasq", "-k", "--no-resolv", "--no-hosts", "--address=/www.box.test/10.9.8.7", "--addn-hosts=/data/hosts",
         "--enable-tftp", "--tftp-root=/srv/tftp", "--user=dnsmasq", "--log-facility=-"),
        (names_by_tcp, names_by_udp, names_some, dnsmasq_reload, dnsmasq_tftp, dnsmasq_log),
        (*_TIGHT, "user=dnsmasq", "tmpfs=/run/dnsmasq,/var/lib/misc", "pids=40", "memory=64m"),
        volumes=("/data",),
        data=Data(_host, lambda at, name: asked(at, f"{name}.box.test") == "10.9.7.5"),
        hand_podman=("capabilities=NET_BIND_SERVICE", "read-only-root=", "tmpfs="),
        breaks=(("--cap-drop SETUID", "names_by_tcp"),),
    ),
    # becomes nsd in a jail, in which its zones are; without a volume
    Program(
        "nsd", "net", 53, ("nsd", "-d", "-c", "/etc/nsd-table.conf"),
        (names_by_tcp, names_by_udp, nsd_added, nsd_reload, nsd_dump, names_many),
        ("capabilities=CHOWN,DAC_OVERRIDE,SETGID,SETUID,SYS_CHROOT", "pids=30", "memory=256m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,SETGID,SETUID,SYS_CHROOT,NET_BIND_SERVICE",),
        data=Data(_zone, _zoned),
        breaks=(("--cap-drop SYS_CHROOT", "names_by_tcp"), ("--cap-drop SETUID", "names_by_tcp")),
    ),
    Program(
        "unbound", "net", 53, ("unbound", "-d", "-c", "/etc/unbound/table.conf"),
        (names_by_tcp, names_by_udp, unbound_control, unbound_reload, names_many),
        ("capabilities=SETGID,SETUID,SYS_CHROOT", "pids=20", "memory=128m"),
        hand_podman=("capabilities=SETGID,SETUID,SYS_CHROOT,NET_BIND_SERVICE",),
        breaks=(("--cap-drop SYS_CHROOT", "names_by_tcp"),),
    ),
    # each client's child goes into a jail as another user; without a volume
    Program(
        "rsync", "net", 873, ("rsync", "--daemon", "--no-detach", "--config=/etc/rsyncd-table.conf"),
        (rsync_greets, rsync_share, rsync_login, rsync_many),
        ("capabilities=SETGID,SETUID,SYS_CHROOT", "pids=100", "memory=128m"),
        hand_podman=("capabilities=SETGID,SETUID,SYS_CHROOT,NET_BIND_SERVICE",),
        data=Data(_rsync, lambda at, name: place(at, f"/srv/share/{name}").exists()),
        breaks=(("--cap-drop SYS_CHROOT", "rsync_share"), ("--cap-drop SETUID", "rsync_login")),
    ),
    # a queue that keeps what it is given in a folder of the image
    Program(
        "nats", "net", 4222, ("nats-server", "-c", "/etc/nats-table.conf"),
        (nats_up, nats_queue, nats_purge, nats_reload, nats_many),
        ("capabilities=none", "user=nats", "pids=50", "memory=256m"),
        data=Data(_queued, _in_queue),
        breaks=(("--ulimit nofile=60:60", "nats_many"),),
    ),
    Program(
        "mosquitto", "net", 1883, ("mosquitto", "-c", "/etc/mosquitto/table.conf"),
        (messages, messages_saved, messages_rotate, messages_many, messages_restart),
        (*_TIGHT, "user=mosquitto", "tmpfs=/run", "pids=10", "memory=64m"),
        volumes=("/var/lib/mosquitto", "/var/log/mosquitto"), data=Data(_message, _messaged),
        breaks=(("--ulimit nofile=100:100", "messages_many"),),
    ),
    Program(
        "ngircd", "net", 6667, ("ngircd", "-n", "-f", "/etc/ngircd/table.conf"),
        (chat, chat_message_of_the_day, chat_many, chat_reload),
        ("read-only-root=on", "capabilities=none", "user=irc", "tmpfs=/run/ngircd", "pids=10",
         "memory=64m"),
        breaks=(("--ulimit nofile=60:60", "chat_many"),),
    ),
    Program(
        "stunnel", "net", 4433, ("stunnel4", "/etc/stunnel/table.conf"),
        (tls, tls_many, tls_reload, tls_rotate),
        # it insists on becoming another user, whose its log is
        ("read-only-root=on", "capabilities=DAC_OVERRIDE,SETGID,SETUID", "memory=128m"),
        volumes=("/var/log/stunnel4",),
        breaks=(("--pids-limit 4", "tls"),),
    ),
)  # fmt: skip
