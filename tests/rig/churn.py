"""Changes to the containers of an engine, so many a second: some come, go, start again, are paused or renamed, join and
leave a network, have health checks, and commands run in them.

python -m rig.churn SOCKET RATE SECONDS      until then, or until its input ends; one line of what was done

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
        self.done: Counter[str] = Counter()
        self._ways: tuple[Callable[[], None], ...] = (
            self._create,
            self._remove,
            lambda: self._to("POST", "restart?t=0"),
            lambda: self._network("connect"),
            lambda: self._network("disconnect"),
            self._exec,
            self._exec,
            self._pause,
            self._rename,
            self._exec,
        )

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
        self.done["removed"] += call(self._path, "DELETE", f"/containers/{name}?force=true")[0] < 300

    def _to(self, method: str, what: str) -> None:
        self.done[what.partition("?")[0]] += call(self._path, method, f"/containers/{self._one()}/{what}")[0] < 300

    def _network(self, what: str) -> None:
        body = {"Container": self._one(), **({"Force": True} if what == "disconnect" else {})}
        self.done[what] += call(self._path, "POST", f"/networks/{NETWORK}/{what}", body)[0] < 300

    def _exec(self) -> None:
        status, made = call(self._path, "POST", f"/containers/{self._one()}/exec", {"Cmd": ["true"]})
        if status == 201:
            self.done["exec"] += call(self._path, "POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] < 300

    def _pause(self) -> None:
        name = self._one()
        call(self._path, "POST", f"/containers/{name}/pause")
        self.done["paused"] += call(self._path, "POST", f"/containers/{name}/unpause")[0] < 300

    def _rename(self) -> None:
        with self._lock:
            self._made += 1
            name = f"churn-{self._made:05}"
        self.done["renamed"] += call(self._path, "POST", f"/containers/{self._one()}/rename?name={name}")[0] < 300


def main() -> None:
    """See above."""
    churn, ended = Churn(sys.argv[1]), threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    churn.run(float(sys.argv[2]), float(sys.argv[3]), ended)
    sys.stdout.write(json.dumps(churn.done) + "\n")


if __name__ == "__main__":
    main()
