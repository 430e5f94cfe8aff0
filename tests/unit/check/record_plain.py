"""Makes resources/predicted/plain.json: a container of which nothing was asked, of each kind of engine.

    PYTHONPATH=app:tests python tests/unit/check/record_plain.py CAPTURE…

Each capture (`report --save-capture`) is of one engine and has a container `plain`. What is of the machine that it was
taken on is taken out: folders, ids, numbers of file systems, namespaces and processes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from rig.places import CHECKOUT
from stratascope.core.capture import Capture, Reading, process_folder
from stratascope.core.container import Container, Engine
from stratascope.core.ground import NAMESPACES
from stratascope.core.ports import ContainerCapture
from stratascope.core.snapshot import CapturedContainer, MachineCapture
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import translations

PLACE = CHECKOUT / "resources" / "predicted" / "plain.json"
PID = 0  # nobody's
_LEFT_OUT = ("seccomp:", "root:special", "inode:", "selinux:", "oci:")
_USE = ("memory.usage_in_bytes", "memory.max_usage_in_bytes", "pids.current", "pids.peak", "memory.current")
_INITIAL = frozenset(("4026531834", "4026531835", "4026531836", "4026531837", "4026531838", "4026531839"))


def main(paths: list[str]) -> None:
    """Write the capture of all."""
    found = [_plain(capture_file.load(Path(path))) for path in paths]
    capture = MachineCapture(
        0.0, Capture(0, ()), tuple(engine for engine, _ in found), tuple(container for _, container in found)
    )
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(capture_file.dumps(capture))


def _plain(capture: MachineCapture) -> tuple[Engine, CapturedContainer]:
    engine = capture.engines[0]
    shared = translations()
    for item in capture.containers:
        container = shared.container(item.raw, engine)
        if container.name == "plain" and item.found is not None:
            first = item.found.first
            kept = tuple(
                _reading(each, container, first.pid, engine)
                for each in first.readings
                if each.name != "stat"
                and not each.name.startswith(_LEFT_OUT)
                and not re.match(r"cgroup:(?:v2|\w+:[1-9])", each.name)
                and not each.name.endswith(_USE)
            )
            raw = replace(item.raw, id="0" * 64, inspect=_inspect(item.raw.inspect, container))
            found = ContainerCapture(Capture(PID, kept), (), "", 0)
            return _engine(engine), CapturedContainer(raw, found)
    raise SystemExit(f"no container `plain` of {engine.id}")


def _engine(engine: Engine) -> Engine:
    run = "/run/user/1000" if engine.rootless else "/run"
    socket = f"{run}/docker.sock" if engine.kind == "docker" else f"{run}/podman/podman.sock"
    group = "docker" if engine.kind == "docker" and not engine.rootless else None
    mode = None if group is None else engine.socket_mode
    facts = replace(engine.facts, kernel="", operating_system="", data_root="")
    return replace(
        engine, endpoint=f"unix://{socket}", socket_file="", socket_group=group, socket_mode=mode, facts=facts
    )


def _inspect(text: str, container: Container) -> str:
    value = json.loads(_cleaned(text, container))
    value = value[0] if isinstance(value, list) else value
    kept = ("Id", "Name", "Image", "Path", "Args", "State", "Config", "HostConfig", "Mounts", "AppArmorProfile",
            "ProcessLabel", "EffectiveCaps", "BoundingCaps", "OCIRuntime")  # fmt: skip
    found = {name: value[name] for name in kept if name in value}
    found["State"] = {"Status": "created", "Pid": 0}
    found["Config"] = {"User": "", "Image": "", "Cmd": ["sleep"]}
    return json.dumps(found, separators=(",", ":"))


def _cleaned(text: str, container: Container) -> str:
    text = text.replace(container.id, "0" * 64)
    return re.sub(r"/tmp/strata-rig-\w+/(?:exec|data|run|home/\.local/share)", "/var/lib/engine", text)


def _reading(reading: Reading, container: Container, pid: int, engine: Engine) -> Reading:
    text, name = reading.text, reading.name
    source = reading.source.replace(f"/proc/{pid}", process_folder(PID))
    if text is None:
        return replace(reading, source=source)
    text = _cleaned(text, container)
    if name.startswith(("ns/", "owner:")):
        kind, _, rest = text.partition(":[")
        if rest.rstrip("]") not in _INITIAL:
            text = f"{kind}:[{11 + NAMESPACES.index(kind)}]"
    elif name == "mountinfo":
        text = re.sub(r"(?m)^(\S+ \S+) 0:([0-9]+)", r"\1 0:9\2", text)
        text = re.sub(r"(?m)^(\S+ \S+) (?!0:)[0-9]+:[0-9]+", r"\1 999:0", text)
        text = re.sub(r",lowerdir=\S*", "", text)
        text = re.sub(r"(?m)- ext4 \S+ \S+", "- ext4 /dev/root rw", text)
        text = re.sub(r"nr_inodes=[0-9]+,|size=[0-9]{8}k,", "", text)
    elif name == "status":
        text = "\n".join(
            re.sub(rf"\b{pid}\b", str(PID), line)
            for line in text.split("\n")
            if not line.startswith(("Vm", "Rss", "Hugetlb", "voluntary", "nonvoluntary", "Cpus", "Mems", "Sig", "Shd"))
        )
    elif name == "cgroup":
        text = re.sub(r":/process_api/\w+", ":/", text)
    return Reading(name, source.replace(container.id, "ID"), text, reading.gap)


if __name__ == "__main__":
    main(sys.argv[1:])
