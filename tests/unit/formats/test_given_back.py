"""What is given back, in files that go over others: what was said there before must not stay in force."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from stratascope.core.container import Asked, EngineKind
from stratascope.core.options.request import RunOptions
from stratascope.formats.export import ExportKind, export
from stratascope.value import replace

LIMITED = Asked(memory=1 << 29, memory_swap=1 << 29, pids=50, cpu_cores=0.5, shm_size=64 << 20)
FREE = Asked(shm_size=1 << 28, oom_score_adj=300, sysctls=(("net.core.somaxconn", "1024"),))
OPTIONS = RunOptions(
    EngineKind.DOCKER,
    "web",
    "busybox",
    LIMITED,
    FREE,
    labels=(("com.docker.compose.service", "web"),),
    sysctls=FREE.sysctls,
    shared=(("oom-score-adj", "300"),),
)
BASE = """services:
  web:
    image: busybox
    mem_limit: 512m
    memswap_limit: 512m
    cpus: 0.5
    pids_limit: 50
    deploy:
      resources:
        limits:
          memory: 512m
          cpus: "0.5"
          pids: 50
"""


def test_compose_takes_the_limits_away(tmp_path: Path) -> None:
    base, over = tmp_path / "compose.yaml", tmp_path / "over.yaml"
    base.write_text(BASE)
    over.write_text(export(ExportKind.COMPOSE, OPTIONS))
    command = ("docker", "compose", "-f", str(base), "-f", str(over), "config")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    service = yaml.safe_load(done.stdout)["services"]["web"]
    for name in ("mem_limit", "memswap_limit", "cpus", "pids_limit"):
        assert name not in service
    assert not (service.get("deploy") or {}).get("resources", {}).get("limits")
    assert int(service["shm_size"]) == 1 << 28
    assert service["oom_score_adj"] == 300
    assert service["sysctls"] == {"net.core.somaxconn": "1024"}


def test_quadlet_says_that_there_is_none() -> None:
    text = export(ExportKind.QUADLET, replace(OPTIONS, kind=EngineKind.PODMAN, labels=()))
    for line in (
        "PodmanArgs=--memory=0",
        "PodmanArgs=--cpus=0",
        "PidsLimit=-1",
        f"ShmSize={1 << 28}",
        "PodmanArgs=--oom-score-adj=300",
        "Sysctl=net.core.somaxconn=1024",
    ):
        assert line in text.splitlines(), line


def test_commands_have_them() -> None:
    for kind in (ExportKind.DOCKER_RUN, ExportKind.PODMAN_RUN):
        text = export(kind, OPTIONS)
        assert f"--shm-size {1 << 28}" in text
        assert "--sysctl net.core.somaxconn=1024" in text
        assert text.count("--oom-score-adj 300") == 1
        assert "--memory" not in text
    text = export(ExportKind.KUBERNETES, OPTIONS)
    assert "net.core.somaxconn" in text
    assert "# Not included: The option --oom-score-adj 300." in text
