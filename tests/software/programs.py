"""The software that is hardened, started as people start it: as root, or as root that becomes another user by itself.

`put` and `get` go the way of its clients, through the published port. Data lies in named volumes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rig.engine import Rig
from software.reach import page, postgres, redis

IMAGE = "software"
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Service:
    """One running container of a program: where it is, and under which port."""

    rig: Rig
    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Program:
    """`options` take the volume `data`. `put(service, key, value)`, `get(service, key)`."""

    name: str
    inner_port: int
    folder: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    put: Callable[[Service, str, str], None]
    get: Callable[[Service, str], str]
    health: tuple[str, ...] = ()  # for Docker: Podman leaves it to timers of systemd, which does not run here


def _write_page(at: Service, key: str, value: str) -> None:
    at.rig.run("exec", at.name, "sh", "-c", 'echo "$1" >"/var/www/html/$0"', key, value)


def _set(at: Service, key: str, value: str) -> None:
    assert redis(at.rig, at.port, "SET", key, value) == "OK"


def _insert(at: Service, key: str, value: str) -> None:
    query = f"CREATE TABLE IF NOT EXISTS kept (k text, v text); INSERT INTO kept VALUES ('{key}', '{value}')"
    postgres(at.rig, at.port, query)


_REDIS = ("--bind", "0.0.0.0", "--protected-mode", "no", "--appendonly", "yes")

PROGRAMS = (
    # a master as root with port 80, workers as www-data
    Program(
        "nginx",
        80,
        "/var/www/html",
        (),
        ("nginx", "-g", "daemon off;"),
        _write_page,
        lambda at, key: page(at.rig, at.port, f"/{key}"),
    ),
    # root for a moment: gives the data to redis, then becomes redis
    Program(
        "redis",
        6379,
        "/data",
        ("-w", "/data"),
        ("redis-entry", *_REDIS),
        _set,
        lambda at, key: redis(at.rig, at.port, "GET", key),
    ),
    # root all the time, as images are that nobody thought about
    Program(
        "redis-root",
        6379,
        "/data",
        ("-w", "/data"),
        ("redis-server", *_REDIS),
        _set,
        lambda at, key: redis(at.rig, at.port, "GET", key),
    ),
    # root for a moment, with a folder of its own in the volume, and a healthcheck
    Program(
        "postgres",
        5432,
        "/var/lib/postgresql",
        ("-e", "PGDATA=/var/lib/postgresql/data"),
        ("postgres-entry",),
        _insert,
        lambda at, key: postgres(at.rig, at.port, f"SELECT v FROM kept WHERE k = '{key}'"),
        ("--health-cmd", "pg_isready -h 127.0.0.1 -U postgres", "--health-interval", "1s", "--health-retries", "10"),
    ),
)
