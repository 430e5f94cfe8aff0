"""`make demo-capture`: the demo capture, recorded anew from real containers by the program itself.

The engines are the private ones of the tests, so their folders are replaced by the places where such engines usually
are; everything else stays as it was read, by root too: filters, owners of namespaces.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from rig.engine import Rig
from rig.fleet import endpoints, launched, running
from rig.places import CHECKOUT
from rig.plan import USER
from stratascope.state import capture_file
from stratascope.wiring.engines import open_engines, take_capture, translations

TARGET = CHECKOUT / "resources" / "demo" / "demo.json"
SOCKETS = {
    "docker_rootful": "/run/docker.sock",
    "docker_rootless": "/run/user/1000/docker.sock",
    "podman_rootful": "/run/podman/podman.sock",
    "podman_rootless": "/run/user/1000/podman/podman.sock",
}
FOLDERS = {
    "docker_rootful": "/var/lib/docker",
    "docker_rootless": "/home/dev/.local/share/docker",
    "podman_rootful": "/var/lib/containers",
    "podman_rootless": "/home/dev/.local/share/containers",
}


def usual_places(text: str, rigs: Mapping[str, Rig]) -> str:
    """The capture's text with the test engines' folders replaced, and the cgroup of the recording session."""
    for name, rig in rigs.items():
        text = text.replace(str(rig.socket), SOCKETS[name]).replace(str(rig.folder), FOLDERS[name])
    text = re.sub(r"/tmp/strata-rig-\w+", FOLDERS["docker_rootful"], text)  # other tests
    text = text.replace(USER, "dev")
    return re.sub(r"/process_api/[0-9a-f]+", "/user.slice/session.scope", text).replace("/process_api", "/user.slice")


def main() -> None:
    """Start the fleet, read it, write the file."""
    with launched() as rigs, running(rigs):
        shared = translations()
        with open_engines((), {"STRATASCOPE_ENGINES": endpoints(rigs)}) as engines:
            capture = take_capture(engines, shared, privileged=True)
        text = usual_places(capture_file.dumps(capture), rigs)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    sys.stdout.write(
        f"{len(capture.containers)} containers on {len(capture.engines)} engines, {len(text)} characters\n"
    )


if __name__ == "__main__":
    main()
