"""Servers of the network: names by UDP and TCP, messages, chat, TLS in front of another."""

from __future__ import annotations

import socket
import ssl
import struct
import time

from machine.software.program import BrokenError, Program, Service, expect
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


def named_update(at: Service) -> None:
    """A dynamic update writes a journal beside the zone; freezing writes the zone."""
    number = time.monotonic_ns() % 200 + 1
    lines = ("update delete new.box.test A", f"update add new.box.test 60 A 10.9.9.{number}", "send", "")
    at.does("nsupdate", typed="\n".join(("server 127.0.0.1", "zone box.test", *lines)))
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
    place(at, "/data/hosts").write_text(f"10.9.8.1 first.box.test\n10.9.7.{number} added.box.test\n")
    sends(at, "HUP")
    wait("a name that was added", lambda: asked(at, "added.box.test") == f"10.9.7.{number}")


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


def messages(at: Service) -> None:
    _publish(at, "table", "kept")
    expect(_subscribed(at, "table"), "kept", "a message")


def messages_saved(at: Service) -> None:
    """On SIGUSR1 it writes its database, by a new file that takes the place of the old."""
    sends(at, "USR1")
    wait("the database", place(at, "/var/lib/mosquitto/mosquitto.db").exists)


def messages_restart(at: Service) -> None:
    at.rig.run("restart", at.name)
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


_TIGHT = ("read-only-root=on", "capabilities=none")

PROGRAMS = (
    Program(
        "named", "net", 53, ("named", "-f", "-u", "bind", "-c", "/etc/bind/table.conf"),
        (names_by_tcp, names_by_udp, named_control, named_reload, named_update, named_transfer, named_dump, names_many),
        (*_TIGHT, "user=bind", "tmpfs=/run/named", "pids=60", "memory=256m"),
        volumes=("/var/cache/bind",),
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
        hand_podman=("capabilities=NET_BIND_SERVICE", "read-only-root=", "tmpfs="),
        breaks=(("--cap-drop SETUID", "names_by_tcp"),),
    ),
    Program(
        "mosquitto", "net", 1883, ("mosquitto", "-c", "/etc/mosquitto/table.conf"),
        (messages, messages_saved, messages_rotate, messages_many, messages_restart),
        (*_TIGHT, "user=mosquitto", "tmpfs=/run", "pids=10", "memory=64m"),
        volumes=("/var/lib/mosquitto", "/var/log/mosquitto"),
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
