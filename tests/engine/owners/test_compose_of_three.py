"""Three services that need each other: one with all that is critical, a bind, a shared volume, a health check and
`restart: always`. Hardened through Compose, once more on top, undone, and hardened again: nothing is lost on the way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.owners.composed import Project
from rig.cli.hardened import STAYS

# `web` serves what `db` writes into the volume of both; `cache` needs `web`
SHOP = """services:
  web:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; echo x >> /conf/starts; httpd -p 8080 -h /data; sleep 3600 & wait"]
    privileged: true
    restart: always
    depends_on: {db: {condition: service_healthy}}
    volumes: ["shared:/data", "./conf:/conf"]
    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/mark"], interval: 1s}
    ports: ["127.0.0.1::8080"]
  db:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; [ -e /data/mark ] || echo kept > /data/mark; sleep 3600 & wait"]
    volumes: ["shared:/data"]
    healthcheck: {test: ["CMD", "test", "-s", "/data/mark"], interval: 1s}
  cache:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
    depends_on: [web]
    volumes: ["shared:/data:ro"]
volumes:
  shared:
"""


class Three:
    """The project, with what a person would look at."""

    def __init__(self, project: Project) -> None:
        self.project = project
        (project.folder / "conf").mkdir()
        project.file.write_text(SHOP)
        project.compose("up", "-d", "-t", "1")
        self.others = {name: project.id(name) for name in ("db", "cache")}

    @property
    def name(self) -> str:
        return f"{self.project.name}-web-1"

    def serves(self) -> None:
        """Its data, to another service; the others have not been touched."""
        asked = "for _ in 1 2 3 4 5; do wget -qO- http://web:8080/mark | grep -qx kept && exit; sleep 1; done; exit 9"
        self.project.rig.run("exec", f"{self.project.name}-cache-1", "sh", "-c", asked)
        assert {name: self.project.id(name) for name in self.others} == self.others

    def starts(self) -> int:
        return len((self.project.folder / "conf/starts").read_text().split())

    def settings(self) -> dict[str, Any]:
        """What it was made with, but for what is another one each time."""
        found = self.project.rig.inspect(self.project.id("web"))
        config = {key: value for key, value in found["Config"].items() if key != "Hostname"}
        left_out = ("replace", "config-hash", "depends_on")  # Compose 2.26 leaves dependencies out under --no-deps
        config["Labels"] = {key: value for key, value in config["Labels"].items() if key.split(".")[-1] not in left_out}
        mounts = sorted(json.dumps(mount, sort_keys=True) for mount in found["Mounts"])
        return {"config": config, "host": found["HostConfig"], "mounts": mounts, "networks": self._networks(found)}

    @staticmethod
    def _networks(found: dict[str, Any]) -> list[str]:
        return sorted(found["NetworkSettings"]["Networks"])

    def capabilities(self) -> int:
        """From the kernel."""
        status = Path(f"/proc/{self.project.rig.pid(self.project.id('web'))}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd")), 16)

    def hardened(self, *words: str) -> dict[str, Any]:
        code, out, err = self.project.run("harden", self.name, "--json", "--yes", "--watch", "2", *words)
        last: dict[str, Any] = json.loads(out.splitlines()[-1]) if out else {}
        assert (code in (0, 1), last.get("result") in STAYS) == (True, True), (words, last, err)
        self.serves()
        return last


def test_hardened_twice_undone_and_again(project: Project) -> None:
    _there_and_back(Three(project))


@pytest.mark.slow
def test_hardened_twice_undone_and_again_on_any_engine(any_project: Project) -> None:
    _there_and_back(Three(any_project))


def _there_and_back(three: Three) -> None:
    three.serves()
    before, all_of_them = three.settings(), three.capabilities()
    three.hardened("--preset", "critical")
    fewer = three.capabilities()
    assert fewer < all_of_them
    assert three.settings()["host"]["Privileged"] is False
    last = three.hardened("--set", "capabilities=none", "--set", "no-new-privileges=on")
    assert any("before the first" in item["text"] for item in last["warnings"])
    assert three.capabilities() == 0
    assert three.settings()["mounts"] == before["mounts"]
    code, out, err = three.project.run("undo", three.name, "--watch", "1")
    assert code == 0, (out, err)
    assert "more than once" in out
    three.serves()
    assert three.settings() == before
    assert three.capabilities() == all_of_them
    assert not three.project.override.exists()
    three.hardened("--preset", "critical")
    assert three.capabilities() == fewer
    assert three.starts() == 5
    code, _, err = three.project.run("undo", three.name, "--watch", "1")
    assert code == 0, err
    assert three.settings() == before


# `side` looks at what `web` answers on the address of both, and is in its PID namespace, too
SHARING = """services:
  web:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; httpd -p 8080 -h /data; sleep 3600 & wait"]
    cap_add: [SYS_ADMIN]
    volumes: ["shared:/data"]
  side:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; echo x >> /data/starts; sleep 3600 & wait"]
    network_mode: service:web
    pid: service:web
    volumes: ["shared:/data"]
  db:
    image: busybox
    command: ["sh", "-c", "trap 'exit 0' TERM; echo kept > /data/mark; sleep 3600 & wait"]
    volumes: ["shared:/data"]
volumes:
  shared:
"""


class Sharing:
    """The project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.file.write_text(SHARING)
        project.compose("up", "-d", "-t", "1")

    def name(self, service: str) -> str:
        return f"{self.project.name}-{service}-1"

    def works(self) -> None:
        """`side` is in the namespaces of the `web` that runs, and reaches it there."""
        pids = [self.project.rig.pid(self.project.id(service)) for service in ("web", "side")]
        for kind in ("net", "pid"):
            assert len({Path(f"/proc/{pid}/ns/{kind}").readlink() for pid in pids}) == 1
        asked = "for _ in 1 2 3 4 5; do wget -qO- http://127.0.0.1:8080/mark | grep -qx kept && exit; sleep 1; done"
        self.project.rig.run("exec", self.name("side"), "sh", "-c", f"{asked}; exit 9")

    def does(self, verb: str, service: str, *words: str) -> tuple[int, dict[str, Any], str]:
        yes = ("--yes", "--enforced-is-enough") if verb == "harden" else ()
        code, out, err = self.project.run(verb, self.name(service), "--json", "--watch", "1", *yes, *words)
        return code, json.loads(out.splitlines()[-1]) if out else {}, err


def test_what_shares_its_namespaces_is_re_created_with_it(project: Project) -> None:
    shop = Sharing(project)
    shop.works()
    sides, db = [project.id("side")], project.id("db")
    plain = ("--set", "capabilities=none")
    code, last, err = shop.does("harden", "web", *plain)
    assert (code, [block["remedy"] for block in last["blocks"]]) == (3, ["with-dependents"]), (last, err)
    for verb, words in (("harden", (*plain, "--with-dependents")), ("undo", ())) * 2:
        code, last, err = shop.does(verb, "web", *words)
        assert code == 0, (verb, last, err)
        shop.works()
        sides.append(project.id("side"))
        assert bool(project.options("web")["CapAdd"]) is (verb == "undo")
    assert len(set(sides)) == len(sides)
    assert project.id("db") == db
    # the one that joins is changed alone, and no other is touched
    web = project.id("web")
    for verb, options in (("harden", plain), ("undo", ())):
        code, last, err = shop.does(verb, "side", *options)
        assert code == 0, (verb, last, err)
        shop.works()
        assert project.id("web") == web


@pytest.mark.slow
def test_what_it_would_lose_or_break_of_another_is_told(project: Project) -> None:
    shop = Sharing(project)
    project.rig.run("exec", shop.name("side"), "sh", "-c", "echo mine > /etc/mine")
    words = ("--set", "capabilities=none", "--with-dependents")
    code, last, err = shop.does("harden", "web", *words)
    assert code == 3, (last, err)
    assert "/etc/mine" in last["blocks"][0]["text"]
    project.rig.run("exec", shop.name("side"), "rm", "/etc/mine")
    project.file.write_text(project.file.read_text().replace("echo x >> /data/starts", "echo y >> /data/starts"))
    code, last, err = shop.does("harden", "web", *words)
    assert (code, [block["remedy"] for block in last["blocks"]]) == (3, [None]), (last, err)
    project.file.write_text(SHARING.replace("echo x >> /data/starts;", "[ ! -e /data/end ] || exit 5;"))
    project.compose("up", "-d", "-t", "1")
    shop.works()
    project.rig.run("exec", shop.name("db"), "touch", "/data/end")
    code, last, err = shop.does("harden", "web", *words)
    assert (code, last["result"]) in ((4, "unfinished"), (4, "rolled-back"), (2, "unfinished")), (last, err)
    assert "side" in last["why"]
