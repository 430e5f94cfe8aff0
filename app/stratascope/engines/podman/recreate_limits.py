"""The part of Podman's create request that is about resources and health checks. Pure."""

from __future__ import annotations

from typing import Any

from stratascope.engines.podman.sources import Known, part

Body = dict[str, Any]

_PREFIX = "RLIMIT_"
NO_LIMIT = 1 << 64  # inspect says -1 for what the API takes as the greatest number of 64 bits


def limits(source: Known, body: Body) -> None:
    """Fill in the body."""
    host = source.host
    # Empty memory is taken for a limit of 0; devices have fields of their own
    resources = {
        name: value
        for name, value in part(source.oci, "linux", "resources").items()
        if name != "devices" and (value or name != "memory")
    }
    if not source.has_oci:
        resources = _from_inspect(source)
    if resources:
        body["resource_limits"] = resources
    if unified := part(source.inspect, "HostConfig").get("CgroupConf"):
        body["unified"] = unified
    ulimits = [
        # The API takes `nofile`, not the name that inspect shows
        {
            "type": limit.text("Name").removeprefix(_PREFIX).lower(),
            "soft": limit.whole("Soft") % NO_LIMIT,
            "hard": limit.whole("Hard") % NO_LIMIT,
        }
        for limit in host.parts("Ulimits")
    ]
    if ulimits:
        body["r_limits"] = ulimits
    score = part(source.oci, "process").get("oomScoreAdj") if source.has_oci else host.whole("OomScoreAdj") or None
    if score is not None:
        body["oom_score_adj"] = score


def _from_inspect(source: Known) -> Body:
    host = source.host
    memory = {
        key: host.whole(field)
        for key, field in (("limit", "Memory"), ("swap", "MemorySwap"), ("reservation", "MemoryReservation"))
        if host.whole(field)
    }
    cpu: Body = {
        key: host.whole(field)
        for key, field in (("shares", "CpuShares"), ("quota", "CpuQuota"), ("period", "CpuPeriod"))
        if host.whole(field)
    }
    for key, field in (("cpus", "CpusetCpus"), ("mems", "CpusetMems")):
        if host.text(field):
            cpu[key] = host.text(field)
    found: Body = {"memory": memory, "cpu": cpu}
    if host.whole("PidsLimit"):
        found["pids"] = {"limit": host.whole("PidsLimit")}
    return {name: value for name, value in found.items() if value}


def health(source: Known, body: Body) -> None:
    """Fill in the body."""
    config = part(source.inspect, "Config")
    if config.get("Healthcheck"):
        body["healthconfig"] = config["Healthcheck"]
    elif part(source.image, "Config").get("Healthcheck") or part(source.image).get("Healthcheck"):
        body["healthconfig"] = {"Test": ["NONE"]}  # switched off: without this the image's comes back
    if config.get("StartupHealthCheck"):
        body["startupHealthConfig"] = config["StartupHealthCheck"]
    actions = {"none": 0, "kill": 2, "restart": 3, "stop": 4}  # libpod/define/healthchecks.go; 1 is none of them
    action = actions.get(str(config.get("HealthcheckOnFailureAction") or "none"), 0)
    if action:
        body["health_check_on_failure_action"] = action
    for key, field in (
        ("healthLogDestination", "HealthLogDestination"),
        ("healthMaxLogCount", "HealthcheckMaxLogCount"),
        ("healthMaxLogSize", "HealthcheckMaxLogSize"),
    ):
        if config.get(field) is not None:
            body[key] = config[field]
