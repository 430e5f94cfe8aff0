"""What was asked for in the words of a run command; each with the layer that it belongs to."""

from __future__ import annotations

import pytest

from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedLimit,
    AskedMount,
    AskedPort,
    ProfileKind,
)
from stratascope.core.options.given import FLAGS_MOST, LENGTH_MOST, flags, layer_of, measure_of


@pytest.mark.parametrize(
    ("asked", "flag", "layer"),
    [
        (Asked(privileged=True), "--privileged", ""),
        (Asked(cap_add=("CAP_SYS_ADMIN",)), "--cap-add SYS_ADMIN", "capabilities"),
        (Asked(cap_drop=("ALL",)), "--cap-drop ALL", "capabilities"),
        (Asked(user="1000"), "--user 1000", "usermap"),
        (Asked(pid_mode="host"), "--pid host", "namespaces"),
        (Asked(network_mode="container:x"), "--network container:x", "namespaces"),
        (Asked(read_only_root=True), "--read-only", "namespaces"),
        (Asked(mounts=(AskedMount("bind", "/run/d.sock", "/s", False),)), "-v /run/d.sock:/s:ro", "namespaces"),
        (Asked(mounts=(AskedMount("volume", "/x", "/data", True, volume="v"),)), "-v v:/data", "namespaces"),
        (Asked(mounts=(AskedMount("tmpfs", "", "/tmp", True),)), "--tmpfs /tmp", "namespaces"),
        (Asked(devices=(AskedDevice("/dev/kvm", "/dev/kvm", "rwm"),)), "--device /dev/kvm:/dev/kvm:rwm", "namespaces"),
        (Asked(memory=64 << 20), "--memory 64m", "cgroup"),
        (Asked(pids=50), "--pids-limit 50", "cgroup"),
        (Asked(oom_score_adj=-5), "--oom-score-adj -5", "cgroup"),
        (Asked(cpu_cores=0.5), "--cpus 0.5", "cgroup"),
        (Asked(limits=(AskedLimit("nofile", 10, 20),)), "--ulimit nofile=10:20", "cgroup"),
        (Asked(no_new_privileges=True), "--security-opt no-new-privileges", "seccomp"),
        (Asked(seccomp=ProfileKind.UNCONFINED), "--security-opt seccomp=unconfined", "seccomp"),
        (Asked(apparmor=ProfileKind.CUSTOM, apparmor_profile="x"), "--security-opt apparmor=x", "mac"),
        (Asked(selinux_options=("disable",)), "--security-opt label=disable", "mac"),
        (Asked(masked_paths=()), "--security-opt systempaths=unconfined", "namespaces"),
        (Asked(ports=(AskedPort("80/tcp", "127.0.0.1", "8080"),)), "--publish 127.0.0.1:8080:80/tcp", "namespaces"),
        (Asked(ports=(AskedPort("80/tcp", "::1", ""),)), "--publish [::1]::80/tcp", "namespaces"),
    ],
)
def test_each(asked: Asked, flag: str, layer: str) -> None:
    assert flags(asked) == (flag,)
    assert layer_of(flag) == layer


@pytest.mark.parametrize(
    ("asked", "measures"),
    [
        (Asked(memory=64 << 20, memory_swap=64 << 20), ["memory", ""]),
        (Asked(pids=9), ["pids"]),
        (Asked(cpu_cores=1.5, cpuset="0-1"), ["cpu", ""]),
        (Asked(limits=(AskedLimit("nofile", 10, 20),), shm_size=1 << 20), ["", ""]),
    ],
)
def test_what_a_limit_is_of(asked: Asked, measures: list[str]) -> None:
    assert [measure_of(flag) for flag in flags(asked)] == measures


def test_plain_settings_have_none() -> None:
    assert flags(Asked()) == ()


def test_a_whole_profile_is_told_apart_and_not_kept() -> None:
    one, other = (
        flags(Asked(seccomp=ProfileKind.CUSTOM, seccomp_profile=f'{{"defaultAction": "{word}"}}')) for word in "ab"
    )
    assert one != other
    assert len(one[0]) < 60


def test_bounded() -> None:
    many = Asked(mounts=tuple(AskedMount("bind", f"/{at}" + "x" * 9999, "/t", True) for at in range(1000)))
    assert len(flags(many)) == FLAGS_MOST
    assert max(map(len, flags(many))) == LENGTH_MOST
