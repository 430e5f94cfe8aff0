"""A container that is exported: its options from a real engine, with toggles written in, and the commands carried out.

with exported(rig, container) as options: …             # RunOptions of an unchanged relaunch
with exported(rig, container, hardened) as options: …    # `hardened` maps Asked to Asked
carried_out(rig, text, folder)                           # runs a `docker run`, `podman run` in a shell; the new id
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.engine import Rig
from stratascope.core.container import Asked, AskedLimit, AskedMount, AskedPort, EngineKind, ProfileKind
from stratascope.core.options.request import RunOptions
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.engines.docker import run_options as docker
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.open import relauncher_of
from stratascope.engines.podman import run_options as podman
from stratascope.engines.podman.engine import PodmanEngine
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.value import replace


def same(asked: Asked) -> Asked:
    return asked


@contextmanager
def exported(rig: Rig, container: str, change: Callable[[Asked], Asked] = same) -> Iterator[RunOptions]:
    """The container's options as used for exports."""
    kind = EngineKind(rig.kind)
    made = DockerEngine if kind is EngineKind.DOCKER else PodmanEngine
    engine = made(Endpoint(rig.id, kind, rig.endpoint, "test", rig.rootless))
    try:
        port = relauncher_of(engine)
        spec: LaunchSpec = port.plan(container)
        asked = change(spec.asked)
        read = docker.run_options if kind is EngineKind.DOCKER else podman.run_options
        yield read(spec, asked, port.body(spec, asked))
    finally:
        engine.close()


def hardened(asked: Asked) -> Asked:
    """Apply much of what toggles change to a loosely confined container."""
    return replace(
        asked,
        privileged=False,
        user="1000:1000",
        pid_mode="private",
        read_only_root=True,
        masked_paths=None,
        read_only_paths=None,
        mounts=(*asked.mounts, AskedMount("tmpfs", "", "/scratch", True)),
        memory=64 << 20,
        pids=50,
        cpu_cores=0.5,
        cap_add=("CAP_CHOWN",),
        cap_drop=("ALL",),
        capabilities=("CAP_CHOWN",),
        no_new_privileges=True,
        seccomp=ProfileKind.DEFAULT,
        seccomp_profile="",
        ports=tuple(AskedPort(port.container_port, "127.0.0.1", port.host_port) for port in asked.ports),
        limits=(AskedLimit("nofile", 100, 200),),
    )


def carried_out(rig: Rig, text: str, folder: Path) -> str:
    """Run the command in a shell as a person would, on this engine; returns the new container's id."""
    tool, *words = rig.command()
    script = f'{tool}() {{ command {shlex.join((tool, *words))} "$@"; }}\n{text}'
    done = subprocess.run(("sh", "-c", script), env=rig.env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{text}"
    return done.stdout.split()[-1]
