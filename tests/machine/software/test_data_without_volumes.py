"""Programs that keep their data in the image's own folders, tightened: written, tightened, read, restarted, read,
undone, read.

These folders are empty in the image, so nothing but what was written tells that they matter. What tighten finds may be
kept, rolled back or refused: what was written is there in any case, and a restart loses nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from machine.software.hardened import Shell, engine_with_image, service
from machine.software.program import Program, Service, expect
from machine.software.reach import up, wait
from rig.fixtures import Engines

KINDS = ("docker_rootful", "podman_rootful")


@dataclass(frozen=True, slots=True)
class Keeper:
    """A program that keeps values by name. `up`: answers; `folder`: where the image has nothing and it has its data."""

    program: Program
    up: Callable[[Service], None]
    write: Callable[[Service, str], None]
    read: Callable[[Service, str], str]
    folder: str


def said(at: Service, *words: str) -> str:
    code, text = at.session(*words)
    return text if code == 0 else f"{code}: {text}"


def valkey_up(at: Service) -> None:
    expect(said(at, "valkey-cli", "ping"), "PONG", "an answer")


def valkey_write(at: Service, name: str) -> None:
    expect(at.does("valkey-cli", "set", name, "kept"), "OK", "SET")
    expect(at.does("valkey-cli", "save"), "OK", "SAVE")


def valkey_read(at: Service, name: str) -> str:
    return said(at, "valkey-cli", "get", name)


CRON = """set -e
echo '* * * * * root cat /srv/in/* >>/srv/out/all 2>/dev/null' >/etc/cron.d/all
mkdir -p /srv/in /srv/out
exec cron -f"""


def cron_up(at: Service) -> None:
    at.does("sh", "-c", "test -d /srv/out && tr '\\0' ' ' </proc/1/cmdline | grep -q cron")


def cron_write(at: Service, name: str) -> None:
    """As its job would, which runs once a minute."""
    at.shell(f"echo {name} >>/srv/out/all; sync")


def cron_read(at: Service, name: str) -> str:
    return "kept" if name in said(at, "cat", "/srv/out/all").split() else "gone"


MOSQUITTO = """set -e
printf 'persistence true\nautosave_on_changes true\nautosave_interval 1\npersistence_location /var/lib/kept/\n\
listener 1883\nallow_anonymous true\n' >/tmp/m.conf
mkdir -p /var/lib/kept && chown mosquitto: /var/lib/kept
exec mosquitto -c /tmp/m.conf"""


def mosquitto_up(at: Service) -> None:
    at.does("mosquitto_pub", "-t", "up", "-n")


def mosquitto_write(at: Service, name: str) -> None:
    at.does("mosquitto_pub", "-r", "-q", "1", "-t", f"kept/{name}", "-m", "kept")


def mosquitto_read(at: Service, name: str) -> str:
    return said(at, "mosquitto_sub", "-t", f"kept/{name}", "-C", "1", "-W", "3")


SQLITE = """mkdir -p /var/lib/notes
trap 'exit 0' TERM
while :; do sqlite3 /var/lib/notes/db 'CREATE TABLE IF NOT EXISTS t (k TEXT); PRAGMA optimize' && touch /tmp/up; \
sleep 1 & wait $!; done"""


def sqlite_up(at: Service) -> None:
    at.does("test", "-e", "/tmp/up")


def sqlite_write(at: Service, name: str) -> None:
    at.does("sqlite3", "-cmd", ".timeout 5000", "/var/lib/notes/db", f"INSERT INTO t VALUES ('{name}')")


def sqlite_read(at: Service, name: str) -> str:
    found = said(at, "sqlite3", "-cmd", ".timeout 5000", "/var/lib/notes/db", f"SELECT k FROM t WHERE k = '{name}'")
    return "kept" if found == name else found


def program(name: str, port: int, *command: str) -> Program:
    return Program(name, "kept", port, command, (), ())


VALKEY = program("valkey", 6379, "valkey-server", "--dir", "/var/lib/valkey", "--protected-mode", "no")
KEEPERS = (
    Keeper(VALKEY, valkey_up, valkey_write, valkey_read, "/var/lib/valkey"),
    Keeper(program("cron", 9, "sh", "-c", CRON), cron_up, cron_write, cron_read, "/srv/out"),
    Keeper(
        program("mosquitto", 1883, "sh", "-c", MOSQUITTO),
        mosquitto_up,
        mosquitto_write,
        mosquitto_read,
        "/var/lib/kept",
    ),
    Keeper(program("sqlite", 9, "sh", "-c", SQLITE), sqlite_up, sqlite_write, sqlite_read, "/var/lib/notes"),
)
SOON = {("valkey", "docker_rootful")}


def cases() -> Iterator[Any]:
    for each in KEEPERS:
        for kind in KINDS:
            soon = (each.program.name, kind) in SOON
            yield pytest.param(each, kind, marks=() if soon else (pytest.mark.slow,), id=f"{each.program.name}-{kind}")


@pytest.mark.parametrize(("kept", "kind"), tuple(cases()))
def test_what_it_wrote_is_there_whatever_happens(kept: Keeper, kind: str, engines: Engines, tmp_path: Path) -> None:
    rig = engine_with_image(engines, kind, "kept")
    shell = Shell(rig, tmp_path)
    with service(rig, kept.program) as at:
        up(at, kept.up)
        kept.write(at, "before")
        code, told, all_of_it = shell.run(
            "tighten", at.name, "--commit-layer", "--yes", "--json", "--watch", "3", "--repeat", "1"
        )
        assert code in (0, 1), all_of_it
        chosen = {item["id"]: item["value"] for item in told["choices"]}
        assert not any(kept.folder.startswith(place) for place in chosen.get("tmpfs", "").split(",") if place)
        if "read-only-root" in chosen:
            assert any(kept.folder.startswith(place) for place in chosen["volume"].split(",")), all_of_it
        else:
            assert any(kept.folder in text for text in _left_out(told)), all_of_it
        wait("what was written before", lambda: kept.read(at, "before") == "kept")
        kept.write(at, "after")
        rig.run("restart", "-t", "10", at.name)
        for name in ("before", "after"):
            wait(f"{name}, after a restart", lambda name=name: kept.read(at, name) == "kept")  # type: ignore[misc]
        code, _, all_of_it = shell.run("undo", at.name, "--json", "--watch", "3")
        assert code == 0, all_of_it
        wait("what was written before, after an undo", lambda: kept.read(at, "before") == "kept")
        if "volume" in chosen:
            wait("what was written since, after an undo", lambda: kept.read(at, "after") == "kept")


def _left_out(told: dict[str, Any]) -> list[str]:
    return [item["why"] for item in told["left_out"] if item["id"] == "read-only-root"]
