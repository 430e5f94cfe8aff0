"""Recorded captures, cut to one container each, and what a report makes of their text in every format."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from rig.places import CHECKOUT
from rig.recorded import HYBRID
from stratascope.core.ports import ProbeError
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation import json_report, text_report
from stratascope.presentation.html import page
from stratascope.state import capture_file
from stratascope.wiring.engines import assembler

ROOT = CHECKOUT
RECORDS = (ROOT / "resources/demo/demo.json", *sorted((ROOT / "tests/captures/machines").glob("*.json")))


@cache
def documents() -> tuple[Any, ...]:
    """A capture for each container that was recorded, with the machine and the engine that it needs."""
    found = []
    for path in RECORDS:
        whole = json.loads(path.read_text(encoding="utf-8"))
        capture = whole["record"]
        for container in capture["containers"]:
            engine = container["raw"]["engine"]
            hosts = [[name, host] for name, host in capture["hosts"] if name == engine]
            engines = [each for each in capture["engines"] if each["id"] == engine]
            found.append(
                {**whole, "record": {**capture, "containers": [container], "engines": engines, "hosts": hosts}}
            )
    return (*found, *(_richer(document) for document in found if document["record"]["containers"][0]["found"]))


def _richer(document: Any) -> Any:
    """With what none of the recorded machines had, or nobody read as root there."""
    (container,) = document["record"]["containers"]
    first = container["found"]["first"]
    added = [{"name": name, "source": f"/{name}", "text": text, "gap": None} for name, text in _further().items()]
    kept = [each for each in first["readings"] if each["name"] != "cgroup" and not each["name"].startswith("cgroup:")]
    found = {**container["found"], "first": {**first, "readings": [*kept, *added]}}
    return {**document, "record": {**document["record"], "containers": [{**container, "found": found}]}}


def _further() -> dict[str, str]:
    seccomp = ROOT / "tests/captures/seccomp"
    profile = json.loads((seccomp / "podman-5.4-seccomp.json").read_text(encoding="utf-8"))
    return {
        **HYBRID,
        "cgroup:blkio:0:blkio.throttle.read_bps_device": "8:0 1048576\n",
        "cgroup:devices:0:devices.list": "c 1:3 rwm\nb *:* m\nc 136:* rwm\n",
        "seccomp:0": (seccomp / "docker-default.hex").read_text(encoding="utf-8").strip(),
        "owner:net": "user:[4026531837]",
        "netns:net.ipv4.ip_unprivileged_port_start": "0\n",
        "oci:config": json.dumps({"linux": {"seccomp": profile}}),
    }


class FaultError(AssertionError):
    """Somewhere in the program something was not foreseen, and only the last net caught it."""


class _Net(logging.Handler):
    def emit(self, capture: logging.LogRecord) -> None:
        raise FaultError(capture.getMessage()) from (capture.exc_info or (None, None, None))[1]


@contextmanager
def no_faults() -> Iterator[None]:
    """What `usecases/live/assembler.py` would put into the log is raised."""
    logger = logging.getLogger("stratascope.usecases.live.assembler")
    net = _Net()
    logger.addHandler(net)
    try:
        yield
    finally:
        logger.removeHandler(net)


def replayed(text: str) -> bool:
    """Whether it is a capture; then it was told as text, JSON and HTML, each as it must be."""
    with no_faults():
        try:
            capture = capture_file.loads(text, "FILE")
        except ProbeError as error:
            if not translate(error.message):
                raise FaultError("no words") from error
            return False
        snapshot = assembler().snapshot(capture, demo=True)
        text_report.render(snapshot, all_layers(), text_report.Style(colour=False, unicode=True, details=True))
        page.render(snapshot, all_layers()).encode()  # as it is written to the file
        json.loads(json_report.render(snapshot), parse_constant=_no_json)
    return True


def _no_json(word: str) -> Any:
    raise AssertionError(f"{word} is no JSON")
