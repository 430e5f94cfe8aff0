"""Changes to the containers of an engine, so many a second: most are paused, renamed, given other limits, or run a
command, since an engine starts few a second; some come, go, stop, start, join and leave a network, have health checks.

python -m rig.churn SOCKET RATE SECONDS      until then, or until its input ends; one line of JSON: what was done, and
                                             what the engine told of its containers

A process of its own, so that its work is not taken for the window's. Over Docker's API, which Podman speaks too. All of
its containers are called `churn-…`; it removes them.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

GIVEN: tuple[dict[str, object], ...] = ({}, {"CapDrop": ["ALL"]}, {"Privileged": True}, {"ReadonlyRootfs": True})
NETWORK, FEWEST, HEALTHY = "churn", 6, 3
WAITING = 24  # changes under way at most: a slow engine is not buried


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("engine")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def call(path: str, method: str, target: str, body: object = None) -> tuple[int, Any]:
    """Ask an engine at that socket: the status, and the parsed answer."""
    link = _Connection(path)
    try:
        text = None if body is None else json.dumps(body)
        link.request(method, target, text, {"Content-Type": "application/json"})
        answer = link.getresponse()
        data = answer.read()
    finally:
        link.close()
    try:
        return answer.status, json.loads(data)
    except ValueError:
        return answer.status, data


class Churn:
    """Makes changes from `run` until its time is over."""

    def __init__(self, path: str, seed: int = 1) -> None:
        self._path, self._random = path, random.Random(seed)
        self._lock = threading.Lock()
        self._made, self._alive = 0, list[str]()  # by id: another may rename one meanwhile
        self._still = list[tuple[str, str]]()  # container and what ends its pause or stop
        self.done: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        cheap: tuple[Callable[[], None], ...] = (self._rename, self._pause, self._update, self._exec)
        dear: tuple[Callable[[], None], ...] = (
            self._create,
            lambda: self._network("connect"),
            self._stop,
            self._remove,
            lambda: self._network("disconnect"),
            self._stop,
        )
        self._ways = tuple(way for each in dear for way in (*cheap, self._rename, each))

    def listen(self) -> None:
        """Count what the engine tells of its containers, until it ends."""
        link = _Connection(self._path)
        link.request("GET", "/events?filters=" + quote(json.dumps({"type": ["container"]})))
        for line in link.getresponse():
            self.told[json.loads(line).get("Action", "").partition(":")[0]] += 1

    def run(self, rate: float, seconds: float, ended: threading.Event) -> None:
        """Make changes."""
        call(self._path, "POST", "/networks/create", {"Name": NETWORK})
        for place in range(FEWEST + 2):
            self._create(health=place < HEALTHY)
        under_way: list[Future[None]] = []
        begun, count = time.monotonic(), 0
        with ThreadPoolExecutor(8) as pool:
            while time.monotonic() - begun < seconds and not ended.is_set():
                under_way = [each for each in under_way if not each.done()]
                if len(under_way) < WAITING:
                    under_way.append(pool.submit(self._ways[count % len(self._ways)]))
                count += 1
                ended.wait(max(0.0, begun + count / rate - time.monotonic()))
        for name in tuple(self._alive):
            call(self._path, "DELETE", f"/containers/{name}?force=true")
        call(self._path, "DELETE", f"/networks/{NETWORK}")

    def _one(self) -> str:
        with self._lock:
            return self._random.choice(self._alive)

    def _create(self, *, health: bool = False) -> None:
        with self._lock:
            self._made += 1
            number = self._made
        name = f"churn-{number:05}"
        body: dict[str, object] = {"Image": "busybox", "Cmd": ["sleep", "100000"], "HostConfig": GIVEN[number % 4]}
        if health:
            body["Healthcheck"] = {"Test": ["CMD", "true"], "Interval": 2 * 10**9}
        status, made = call(self._path, "POST", f"/containers/create?name={name}", body)
        if status == 201:
            call(self._path, "POST", f"/containers/{made['Id']}/start")
            with self._lock:
                self._alive.append(made["Id"])
            self.done["created"] += 1

    def _remove(self) -> None:
        with self._lock:
            if len(self._alive) <= FEWEST:
                return
            name = self._alive.pop(self._random.randrange(len(self._alive)))
            self._still = [each for each in self._still if each[0] != name]
        self.done["removed"] += call(self._path, "DELETE", f"/containers/{name}?force=true")[0] < 300

    def _to(self, name: str, what: str, body: object = None) -> bool:
        good = call(self._path, "POST", f"/containers/{name}/{what}", body)[0] < 300
        self.done[what.partition("?")[0]] += good
        return good

    def _turn(self, what: str, back: str) -> None:
        """Do that to one, or its contrary to the one to which it was done last."""
        with self._lock:
            last = next((each for each in self._still if each[1] == back), None)
            if last is not None:
                self._still.remove(last)
        name = self._one() if last is None else last[0]
        if self._to(name, what if last is None else back) and last is None:
            with self._lock:
                self._still.append((name, back))

    def _pause(self) -> None:
        self._turn("pause", "unpause")

    def _stop(self) -> None:
        self._turn("stop?t=0", "start")

    def _update(self) -> None:
        self._to(self._one(), "update", {"PidsLimit": self._random.randrange(100, 1000)})

    def _network(self, what: str) -> None:
        body = {"Container": self._one(), **({"Force": True} if what == "disconnect" else {})}
        self.done[what] += call(self._path, "POST", f"/networks/{NETWORK}/{what}", body)[0] < 300

    def _exec(self) -> None:
        status, made = call(self._path, "POST", f"/containers/{self._one()}/exec", {"Cmd": ["true"]})
        if status == 201:
            self.done["exec"] += call(self._path, "POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] < 300

    def _rename(self) -> None:
        with self._lock:
            self._made += 1
            name = f"churn-{self._made:05}"
        self._to(self._one(), f"rename?name={name}")


def main() -> None:
    """See above."""
    churn, ended = Churn(sys.argv[1]), threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    for thread in (wait, churn.listen):
        threading.Thread(target=thread, daemon=True).start()
    churn.run(float(sys.argv[2]), float(sys.argv[3]), ended)
    sys.stdout.write(json.dumps({"done": churn.done, "told": churn.told}) + "\n")


if __name__ == "__main__":
    main()
