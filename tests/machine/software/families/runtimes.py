"""Languages: node, Python, Perl, Go (caddy), Java, and a box of tools. Workers, threads, children, raw sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl

from machine.software.program import PING, BrokenError, Data, Program, Service, expect, in_folder
from machine.software.reach import (
    PATIENCE,
    children,
    connect,
    crowd,
    everything,
    inside,
    logs,
    page,
    passes,
    place,
    rotated,
    sends,
    wait,
)
from machine.software.reach import http as ask


def _pages(wanted: dict[str, str], at: Service) -> None:
    found = {path: page(at, path) for path in wanted}
    expect(found, wanted, "pages")


def node_page(at: Service) -> None:
    expect(page(at, "/"), "node", "a page")


def node_threads(at: Service) -> None:
    expect([page(at, path) for path in ("/thread", "/hash", "/packed")], ["thread", "16", "true"], "work in threads")


def node_child(at: Service) -> None:
    user = at.rig.inspect(at.name)["Config"]["User"]
    said = page(at, "/child")
    if "failed" in said or not said or (not user and said != "root"):
        raise BrokenError(f"a child: {said}")


def node_files(at: Service) -> None:
    expect([page(at, "/file"), page(at, "/temporary")], ["kept", "made"], "files")


def node_crash(at: Service) -> None:
    """A worker that dies is started again."""
    old = children(at)
    with contextlib.suppress(OSError, EOFError):
        page(at, "/crash")
    wait("another worker", lambda: len(children(at) - old) >= 1 and page(at, "/") == "node")


def node_reload(at: Service) -> None:
    old = children(at)
    sends(at, "HUP")
    wait("other workers", lambda: bool((now := children(at)) and not now & old and page(at, "/") == "node"))


def node_many(at: Service) -> None:
    crowd(at, 300, lambda link: ask(link, "/") == (200, "node"))


def python_page(at: Service) -> None:
    expect(page(at, "/"), "python", "a page")


def python_child(at: Service) -> None:
    if page(at, "/child") not in ("root", "app", "nobody"):  # the user that it was started as
        raise BrokenError(page(at, "/child")[:300])


def python_pool(at: Service) -> None:
    """Processes that share locks in /dev/shm."""
    expect(page(at, "/pool"), "285", "a pool of processes")


def python_files(at: Service) -> None:
    expect([page(at, p) for p in ("/file", "/temporary", "/database")], ["kept", "/tmp/", "kept"], "files")


def python_many(at: Service) -> None:
    crowd(at, 200, lambda link: ask(link, "/") == (200, "python"))


def _finger(link: socket.socket) -> str:
    return everything(link).decode().strip()


def perl_child(at: Service) -> None:
    with connect(at) as link:
        expect(_finger(link), "nobody", "the user of a child")


def perl_many(at: Service) -> None:
    crowd(at, 100, lambda link: _finger(link) == "nobody")


def perl_rotate(at: Service) -> None:
    rotated(at, "/var/log/table/log", "HUP", lambda: perl_child(at))


def caddy_page(at: Service) -> None:
    expect(page(at, "/page.html"), "kept 4", "a page made of a template")


def caddy_tls(at: Service) -> None:
    """By a certificate that it made itself, into its folder."""

    def talk() -> str:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with contextlib.closing(
            http.client.HTTPSConnection("localhost", 8443, timeout=PATIENCE, context=context)
        ) as link:
            link.request("GET", "/")
            return link.getresponse().read().decode()

    expect(inside(at, talk), "by tls", "a page by TLS")


def caddy_reload(at: Service) -> None:
    """Its settings, by its own administration: a page is added, and taken away again."""

    def admin(method: str, path: str, body: str = "") -> str:
        with contextlib.closing(http.client.HTTPConnection("localhost", 2019, timeout=PATIENCE * 2)) as link:
            link.request(method, path, body, {"Content-Type": "application/json"})
            reply = link.getresponse()
            text = reply.read().decode()
        if reply.status != 200:
            raise BrokenError(f"{method} {path}: {reply.status} {text[:200]}")
        return text

    def talk() -> None:
        settings = json.loads(admin("GET", "/config/"))
        admin("POST", "/load", json.dumps(settings))

    inside(at, talk)
    wait("a page after the reload", lambda: page(at, "/page.html") == "kept 4")


def caddy_log(at: Service) -> None:
    wait("the log", lambda: place(at, "/var/log/table/log").stat().st_size > 0)


def caddy_many(at: Service) -> None:
    crowd(at, 300, lambda link: ask(link, "/page.html")[0] == 200)


def java_page(at: Service) -> None:
    expect(page(at, "/page.txt"), "from java", "a page")


def java_many(at: Service) -> None:
    crowd(at, 200, lambda link: ask(link, "/page.txt")[0] == 200)


def java_dump(at: Service) -> None:
    """On SIGQUIT it tells its threads, and goes on."""
    sends(at, "QUIT")
    wait("the threads", lambda: "Full thread dump" in logs(at))
    java_page(at)


def java_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("a page after a restart", passes(java_page, at), 30)


def tomcat_page(at: Service) -> None:
    """A page that is compiled at its first use."""
    expect(page(at, "/notes.jsp"), "tomcat", "a page")


def tomcat_child(at: Service) -> None:
    expect(page(at, "/child.jsp"), "child", "a child, and a temporary file")


def tomcat_compiles(at: Service) -> None:
    """A new page is put there while it runs."""
    place(at, "/srv/tomcat/webapps/ROOT/new.jsp").write_text("<%= 6 * 7 %>")
    wait("the new page", lambda: page(at, "/new.jsp") == "42")


def tomcat_many(at: Service) -> None:
    crowd(at, 150, lambda link: ask(link, "/notes.jsp") == (200, "tomcat"))


def tomcat_restart(at: Service) -> None:
    at.rig.run("restart", "-t", "10", at.name)
    wait("a page after a restart", passes(tomcat_page, at), 60)


def box_page(at: Service) -> None:
    expect(page(at, "/page.html")[:4], "kept", "a page")


def box_tools(at: Service) -> None:
    """What its pages start: a ping by raw socket, another user, a file that is given away, a file of another."""
    expect(page(at, "/cgi-bin/ping"), "reached", "ping")


def box_su(at: Service) -> None:
    expect(page(at, "/cgi-bin/su"), "app", "su")


def box_chown(at: Service) -> None:
    expect(page(at, "/cgi-bin/chown"), "app", "chown")


def box_read(at: Service) -> None:
    expect(page(at, "/cgi-bin/read"), "hidden", "a file of another user")


def box_nice(at: Service) -> None:
    expect(page(at, "/cgi-bin/nice"), "niced", "nice")


_TOMCAT = (
    *("java", "-Xmx96m", "-cp", "/usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar"),
    *("-Dcatalina.home=/usr/share/tomcat10", "-Dcatalina.base=/srv/tomcat", "-Djava.io.tmpdir=/srv/tomcat/temp"),
    *("org.apache.catalina.startup.Bootstrap", "start"),
)
_TIGHT = ("read-only-root=on", "capabilities=none", "user=app")
_GIVE = "chown -R app: /data"

PROGRAMS = (
    Program(
        "node", "runtimes", 8080, ("node", "/srv/node/main.js"),
        (node_page, node_threads, node_child, node_files, node_crash, node_reload, node_many),
        (*_TIGHT, "tmpfs=/tmp", "pids=100", "memory=512m"),
        volumes=("/data",), hand_before=_GIVE, data=in_folder("/data"),
        breaks=(("--tmpfs /tmp:ro", "node_files"),),
    ),
    Program(
        "python", "runtimes", 8000, ("python3", "/srv/python/main"),
        (python_page, python_child, python_pool, python_files, python_many),
        (*_TIGHT, "tmpfs=/tmp", "pids=300", "memory=256m"),
        volumes=("/data",), hand_before=_GIVE, data=in_folder("/data"),
        breaks=(("--ipc none", "python_pool"), ("--tmpfs /tmp:ro", "python_files")),
    ),
    Program(
        "perl", "runtimes", 79, ("perl", "/srv/perl/main.pl"),
        (perl_child, perl_many, perl_rotate),
        ("read-only-root=on", "capabilities=SETUID,SETGID", "pids=200", "memory=128m"),
        volumes=("/var/log/table",),
        hand_podman=("capabilities=SETUID,SETGID,NET_BIND_SERVICE",),
        breaks=(("--cap-drop SETUID", "perl_child"),),
    ),
    Program(
        "caddy", "runtimes", 80, ("caddy", "run", "--config", "/etc/caddy/Table", "--adapter", "caddyfile"),
        (caddy_page, caddy_tls, caddy_reload, caddy_log, caddy_many),
        (*_TIGHT, "tmpfs=/tmp", "pids=100", "memory=256m"),
        volumes=("/data", "/var/log/table"), options=("-e", "HOME=/data"), hand_before=f"{_GIVE} /var/log/table",
        hand_podman=("capabilities=NET_BIND_SERVICE",),
        breaks=(("--ulimit nofile=100:100", "caddy_many"),),
    ),
    Program(
        "tools", "runtimes", 80, ("busybox", "httpd", "-f", "-p", "80", "-h", "/srv/www"),
        (box_page, box_tools, box_su, box_chown, box_read, box_nice),
        ("read-only-root=on", "capabilities=CHOWN,DAC_READ_SEARCH,NET_RAW,SETGID,SETUID",
         "tmpfs=/tmp", "pids=50", "memory=64m"),
        hand_podman=("capabilities=CHOWN,DAC_READ_SEARCH,NET_RAW,SETGID,SETUID,NET_BIND_SERVICE",),
        options=PING,
        breaks=(
            ("--cap-drop SETGID", "box_su"),
            ("--cap-drop CHOWN", "box_chown"),
            ("--cap-drop DAC_OVERRIDE", "box_read"),
        ),
    ),
    Program(
        "java", "java", 8000, ("java", "-Xmx64m", "-m", "jdk.httpserver", "-b", "0.0.0.0", "-p", "8000", "-d", "/srv"),
        (java_page, java_many, java_dump, java_restart),
        ("read-only-root=on", "capabilities=none", "user=nobody", "tmpfs=/tmp", "pids=100",
         "memory=256m"),
        slow=True,
    ),
    # compiles pages, and keeps notes, in its own folder, without a volume
    Program(
        "tomcat", "java", 8080, _TOMCAT,
        (tomcat_page, tomcat_child, tomcat_compiles, tomcat_many, tomcat_restart),
        ("capabilities=none", "user=tomcat", "pids=200"), hand_before="chown -R tomcat: /srv/tomcat",
        data=Data(
            lambda at, name: expect(page(at, f"/notes.jsp?put={name}"), "written", "a note"),
            lambda at, name: page(at, f"/notes.jsp?get={name}") == "kept",
        ),
        breaks=(("--tmpfs /srv/tomcat/work:ro", "tomcat_page"),),
    ),
)  # fmt: skip
