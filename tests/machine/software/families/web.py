"""Web servers and proxies: a master as root that binds, and workers of another user that serve."""

from __future__ import annotations

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import children, connect, crowd, http, page, place, rotated, sends, wait

HTML = "/var/www/html"


def static_page(at: Service) -> None:
    place(at, f"{HTML}/kept.html").write_text("kept\n")
    expect(page(at, "/kept.html"), "kept", "a page")


def _get(link: socket.socket) -> bool:
    return http(link, "/kept.html") == (200, "kept")


def many_connections(at: Service) -> None:
    crowd(at, 200, _get)


def _other_workers(at: Service, signal: str) -> None:
    """After the signal other children of the first process do the work."""
    old = children(at)
    sends(at, signal)
    wait("new workers", lambda: bool((now := children(at)) and not now & old))


def some_connections(at: Service) -> None:
    """Each takes a process of its own, and these are started by and by."""
    crowd(at, 40, _get)


def nginx_reload(at: Service) -> None:
    _other_workers(at, "HUP")
    wait("a page after the reload", lambda: page(at, "/kept.html") == "kept")


def nginx_upload(at: Service) -> None:
    """A request body that does not fit into memory goes to a temporary file of the worker; 405 is the static page's."""
    with connect(at) as link:
        status, _ = http(link, "/kept.html", method="POST", body=b"x" * 900_000)
    expect(status, 405, "a large body")


def nginx_reopen(at: Service) -> None:
    """Rotation: the master opens its logs anew, and gives them to the workers' user."""
    sends(at, "USR1")
    many_connections(at)


def apache_cgi(at: Service) -> None:
    expect(page(at, "/cgi-bin/who"), "www-data", "the user of a CGI program")


def cgi_upload(at: Service) -> None:
    with connect(at) as link:
        expect(http(link, "/cgi-bin/store", method="POST", body=b"kept" * 5000), (200, "kept" * 5000), "an upload")


def apache_reload(at: Service) -> None:
    _other_workers(at, "USR1")
    wait("a page after the reload", lambda: page(at, "/kept.html") == "kept")
    apache_cgi(at)


def apache_rotate(at: Service) -> None:
    rotated(at, "/var/log/apache2/access.log", "USR1", lambda: page(at, "/kept.html"))


def lighttpd_rotate(at: Service) -> None:
    rotated(at, "/var/log/lighttpd/access.log", "HUP", lambda: page(at, "/kept.html"))


def balanced(at: Service) -> None:
    expect(page(at, "/"), "from 127.0.0.1", "a page by way of the backend")


def haproxy_many(at: Service) -> None:
    crowd(at, 400, lambda link: http(link, "/")[0] == 200)


def haproxy_backend_gone(at: Service) -> None:
    expect(page(at, "/slow"), "status 503", "a backend that is not there")


def haproxy_reload(at: Service) -> None:
    old = children(at)
    sends(at, "USR2")
    wait("a new worker", lambda: bool(children(at) - old))
    wait("a page after the reload", lambda: page(at, "/") == "from 127.0.0.1")


def haproxy_admin(at: Service) -> None:
    """The administrators' socket, for which the image has no client but perl."""
    ask = (
        'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => "/run/haproxy.sock") or die $!; '
        'print $s "show info\\n"; print <$s>'
    )
    if "Maxconn: 2000" not in (said := at.says("perl", "-e", ask)):
        raise BrokenError(f"show info: {said[:200]}")


def squid_answers(at: Service) -> None:
    """Nothing is started beside it yet, which would be taken for its own."""
    expect(page(at, "http://127.0.0.1:9/"), "status 503", "an origin that is not there")


def proxied(at: Service) -> None:
    """A page of an origin that runs beside it, started anew where it is not there."""
    if at.session("busybox", "wget", "-qO-", "http://127.0.0.1:8080/")[0] != 0:
        at.rig.run("exec", "-d", "-u", "13", at.name, "busybox", "httpd", "-f", "-p", "127.0.0.1:8080", "-h", HTML)
        wait("the origin", lambda: at.session("busybox", "wget", "-qO-", "http://127.0.0.1:8080/table.php")[0] == 0)
    expect(page(at, "http://127.0.0.1:8080/table.php")[:5], "<?php", "a page by the proxy")


def squid_cached(at: Service) -> None:
    """The same page twice: the second comes from the disk or memory of the cache."""
    page(at, "http://127.0.0.1:8080/table.php")
    with connect(at) as link:
        link.sendall(b"GET http://127.0.0.1:8080/table.php HTTP/1.0\r\n\r\n")
        head = link.recv(4096).decode(errors="replace")
    if ";hit" not in head:
        raise BrokenError(f"no hit: {head[:300]}")
    wait("a file in the cache", lambda: any(each.is_file() for each in place(at, "/var/spool/squid").rglob("0*")))


def squid_many(at: Service) -> None:
    crowd(at, 200, lambda link: http(link, "http://127.0.0.1:8080/table.php")[0] == 200)


def squid_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("a page after the reload", lambda: page(at, "http://127.0.0.1:8080/table.php")[:5] == "<?php")


def squid_rotate(at: Service) -> None:
    rotated(at, "/var/log/squid/access.log", "USR1", lambda: page(at, "http://127.0.0.1:8080/table.php"))
    at.session("busybox", "pkill", "-f", "busybox httpd", user="13")  # its origin, which is not part of it


def squid_tunnel(at: Service) -> None:
    with connect(at) as link:
        link.sendall(b"CONNECT 127.0.0.1:443 HTTP/1.0\r\n\r\n")
        expect(link.recv(64).split(b" ")[1], b"503", "a tunnel to nowhere")


def _fastcgi(link: socket.socket, query: str, cookie: str = "") -> tuple[str, str]:
    """One request by FastCGI: head and body."""
    parameters = {
        "SCRIPT_FILENAME": f"{HTML}/table.php", "SCRIPT_NAME": "/table.php", "REQUEST_METHOD": "GET",
        "QUERY_STRING": query, "HTTP_COOKIE": cookie,
    }  # fmt: skip
    body = b"".join(
        struct.pack(">II", len(key) | 1 << 31, len(value) | 1 << 31) + key.encode() + value.encode()
        for key, value in parameters.items()
    )

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content

    link.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, body) + record(4, b"") + record(5, b""))
    stream, said = link.makefile("rb"), b""
    while len(front := stream.read(8)) == 8:
        _, kind, _, size, padding = struct.unpack(">BBHHBx", front)
        content = stream.read(size + padding)[:size]
        if kind == 3:
            head, _, rest = said.partition(b"\r\n\r\n")
            return head.decode(errors="replace"), rest.decode(errors="replace").strip()
        if kind == 6:
            said += content
    raise EOFError("it closed the connection")


def _php(at: Service, query: str, cookie: str = "") -> str:
    with connect(at) as link:
        return _fastcgi(link, query, cookie)[1]


def php_page(at: Service) -> None:
    expect(_php(at, ""), "php", "a page")


def php_child(at: Service) -> None:
    expect(_php(at, "do=who"), "www-data", "the user of a program that it starts")


def php_session(at: Service) -> None:
    key = "PHPSESSID=table123456789012345678901"
    first, then = _php(at, "do=session", key), _php(at, "do=session", key)
    expect(then, str(int(first) + 1), "a session")


def php_upload(at: Service) -> None:
    expect(_php(at, "do=upload"), "kept", "an upload")


def php_many(at: Service) -> None:
    """Slow requests at once make it start more children."""
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        links = [stack.enter_context(connect(at)) for _ in range(8)]
        for link in links:
            link.settimeout(15)
        pids = set(pool.map(lambda link: _fastcgi(link, "do=sleep")[1], links))
    if len(pids) < 3:
        raise BrokenError(f"only the children {pids} worked")


def php_reload(at: Service) -> None:
    sends(at, "USR2")
    wait("a page after the reload", lambda: _php(at, "") == "php")


_PAGES = Data(
    lambda at, name: place(at, f"{HTML}/{name}").write_text("kept\n"), lambda at, name: page(at, f"/{name}") == "kept"
)
_WEB = ("read-only-root=on", "capabilities=none", "user=www-data")

_APACHE = (static_page, some_connections, apache_cgi, cgi_upload, apache_reload, apache_rotate)

PROGRAMS = (
    Program(
        "nginx", "web", 80, ("nginx", "-g", "daemon off;"),
        (static_page, many_connections, nginx_upload, nginx_reload, nginx_reopen),
        (*_WEB, "tmpfs=/run,/var/lib/nginx", "pids=20", "memory=64m"),
        volumes=(HTML,), data=_PAGES,
        # there a tmpfs is the owner's of the folder, and /run is root's
        hand_podman=("user=", "capabilities=NET_BIND_SERVICE,SETGID,SETUID"),
        breaks=(
            ("--ulimit nofile=64:64", "many_connections"),
            ("--cap-drop SETUID", "static_page"),
        ),
    ),
    Program(
        "apache", "web", 80, ("apache-entry",), _APACHE,
        (*_WEB, "tmpfs=/run/apache2,/run/lock/apache2,/tmp", "pids=400", "memory=256m"),
        volumes=(HTML, "/var/log/apache2", "/var/www/state"), data=_PAGES,
        hand_before="chown -R www-data: /var/log/apache2",
        hand_podman=("capabilities=NET_BIND_SERVICE", "read-only-root=", "tmpfs="),
        breaks=(("--tmpfs /tmp:mode=0700", "cgi_upload"), ("--cap-drop SETUID", "static_page")),
    ),
    # its log lies in the container alone, in a folder that is root's
    Program(
        "apache-bare", "web", 80, ("apache-entry",), _APACHE,
        ("capabilities=none", "user=www-data", "pids=400", "memory=256m"),
        volumes=(HTML, "/var/www/state"), data=_PAGES, hand_before="chown -R www-data: /var/log/apache2",
        hand_podman=("capabilities=NET_BIND_SERVICE",),
        breaks=(("--cap-drop SETUID", "static_page"),),
    ),
    Program(
        "lighttpd", "web", 80, ("lighttpd", "-D", "-f", "/etc/lighttpd/table.conf"),
        (static_page, many_connections, apache_cgi, cgi_upload, lighttpd_rotate),
        (*_WEB, "tmpfs=/run/lighttpd,/tmp,/var/cache/lighttpd", "pids=50", "memory=64m"),
        volumes=(HTML, "/var/log/lighttpd", "/var/www/state"), data=_PAGES,
        hand_podman=("capabilities=NET_BIND_SERVICE", "read-only-root=", "tmpfs="),
        breaks=(
            ("--tmpfs /tmp:mode=0700", "cgi_upload"),
        ),
    ),
    Program(
        "haproxy", "web", 80, ("haproxy", "-W", "-db", "-f", "/etc/haproxy/table.cfg"),
        (balanced, haproxy_many, haproxy_backend_gone, haproxy_admin, haproxy_reload),
        ("read-only-root=on", "capabilities=SETUID,SETGID,SYS_CHROOT", "tmpfs=/run", "pids=50",
         "memory=256m"),
        hand_podman=("capabilities=SETUID,SETGID,SYS_CHROOT,NET_BIND_SERVICE",),
        breaks=(("--cap-drop SYS_CHROOT", "balanced"),),
    ),
    Program(
        "php-fpm", "web", 9000, ("php-fpm8.4", "-F", "-O"),
        (php_page, php_child, php_session, php_upload, php_many, php_reload),
        (*_WEB, "tmpfs=/tmp,/run/php", "pids=50", "memory=256m"),
        volumes=(HTML, "/var/www/state", "/var/lib/php/sessions"),
        data=Data(
            lambda at, name: _php(at, "do=session", f"PHPSESSID={name:x<32}"),
            lambda at, name: int(_php(at, "do=session", f"PHPSESSID={name:x<32}")) > 1,
        ),
        hand_podman=("read-only-root=", "tmpfs="),
        breaks=(("--tmpfs /tmp:mode=0700", "php_upload"), ("--pids-limit 3", "php_child")),
    ),
    Program(
        "squid", "web", 3128, ("squid-entry",),
        (squid_answers, proxied, squid_cached, squid_many, squid_tunnel, squid_reload, squid_rotate),
        # pinger, its helper, has a file capability
        ("no-new-privileges=", "read-only-root=on", "capabilities=NET_RAW", "user=proxy",
         "tmpfs=/run/squid,/tmp", "pids=80", "memory=256m"),
        volumes=("/var/spool/squid", "/var/log/squid"),
        hand_podman=("read-only-root=", "tmpfs="),
        breaks=(("--cap-drop SETUID", "squid_answers"),),
    ),
)  # fmt: skip
