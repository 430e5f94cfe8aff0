"""Namespaces and network in Podman's create request. Pure.

A host port that Podman chose is requested again: users of the container would not find it at another one.
"""

from __future__ import annotations

from typing import Any

from stratascope.core.message import Message, msg
from stratascope.engines.podman.sources import Known, id_maps, networks, objects, part

Body = dict[str, Any]

# By the field of `Asked`; user and network namespaces are handled separately
NAMESPACES = {"pidns": "pid_mode", "ipcns": "ipc_mode", "utsns": "uts_mode", "cgroupns": "cgroupns_mode"}
_API_NAMES = {"ns": "path", "nomap": "no-map"}  # pkg/specgen/namespaces.go
_JOINED = ("container:", "ns:")
_NO_NETWORK = ("host", "none", "private", "pod")
_ANY = ("", "0.0.0.0")


def mode(text: str) -> Body:
    """Convert `private`, `container:ID`, `keep-id:uid=1` to the API's form of a namespace."""
    name, _, value = text.partition(":")
    name = _API_NAMES.get(name, name)
    return {"nsmode": name, "value": value} if value else {"nsmode": name}


def namespaces(source: Known, body: Body) -> None:
    """Fill in the body, except for the network."""
    host, pod = source.host, source.answer.text("Pod")
    for key, field in (("pidns", "PidMode"), ("ipcns", "IpcMode"), ("utsns", "UTSMode"), ("cgroupns", "CgroupMode")):
        text = host.text(field) or "private"
        body[key] = mode("pod" if pod and text.startswith("container:") else text)
    _user_namespace(source, body)
    name = source.config.text("Hostname")
    made = source.answer.text("Id")[:12]
    if name and name != made and body["utsns"]["nsmode"] == "private" and not pod and not _shares_names(source):
        body["hostname"] = name
    if host.text("CgroupParent") and not pod:
        body["cgroup_parent"] = host.text("CgroupParent")
    if host.text("Cgroups") and host.text("Cgroups") != "default":
        body["cgroups_mode"] = host.text("Cgroups")


def _shares_names(source: Known) -> bool:
    return source.host.text("NetworkMode").startswith(_JOINED)


def _user_namespace(source: Known, body: Body) -> None:
    host = source.host
    # Inspect shows "private" for keep-id, auto and nomap as well
    text = source.note("userns") or host.text("UsernsMode")
    mappings = host.part("IDMappings")
    names = ("container_id", "host_id", "size")
    maps = {
        key: [dict(zip(names, each, strict=True)) for each in id_maps(mappings, key)] for key in ("UidMap", "GidMap")
    }
    if not text or text == "host" or (not maps["UidMap"] and not text.startswith(_JOINED)):
        body["userns"] = mode(text or "host")
        return
    # Podman would choose another range for "auto": files on the volumes would belong to nobody
    kind = text.partition(":")[0]
    body["userns"] = mode("private" if kind == "auto" else text)
    if maps["UidMap"]:
        body["idmappings"] = {
            "HostUIDMapping": False,
            "HostGIDMapping": False,
            "UIDMap": maps["UidMap"],
            "GIDMap": maps["GidMap"] or maps["UidMap"],
        }


def network(source: Known, body: Body, lost: list[Message], differs: list[Message]) -> None:
    """Fill in the body."""
    host = source.host
    text = "pod" if source.answer.text("Pod") and source.host.text("NetworkMode").startswith("container:") else (
        host.text("NetworkMode") or "private"
    )  # fmt: skip
    body["netns"] = mode(text)
    if text.startswith(_JOINED) or text == "pod":
        return
    helpers = {name: rest for name, _, rest in (word.partition(":") for word in source.all("network")) if rest}
    kind = text.partition(":")[0]
    if kind in ("slirp4netns", "pasta") and kind in helpers:
        body["network_options"] = {kind: helpers[kind].split(",")}
        body["netns"] = {"nsmode": kind}
    if text == "bridge":
        body["Networks"] = _networks(source, differs)
    _names(source, body)
    if text not in _NO_NETWORK:
        _ports(source, body)


def _names(source: Known, body: Body) -> None:
    host = source.host
    for key, field in (
        ("dns_server", "Dns"),
        ("dns_search", "DnsSearch"),
        ("dns_option", "DnsOptions"),
        ("hostadd", "ExtraHosts"),
    ):
        if host.texts(field):
            body[key] = list(host.texts(field) or ())
    if host.text("HostsFile"):
        body["base_hosts_file"] = host.text("HostsFile")
    for key, field in (("use_image_hosts", "UseImageHosts"), ("use_image_hostname", "UseImageHostname")):
        if source.answer.flag(field):
            body[key] = True
    if source.last("dns") == "none":
        body["use_image_resolve_conf"] = True


def _networks(source: Known, differs: list[Message]) -> Body:
    typed = networks(source.typed or {})
    generated = part(source.generated, "Networks")
    ours = {source.answer.text("Id")[:12], source.config.text("Hostname"), source.answer.text("Name")}
    chosen_aliases = set(source.all("network-alias"))
    found: Body = {}
    present = part(source.inspect, "NetworkSettings", "Networks")
    for number, (name, value) in enumerate(present.items()):
        said = part(generated, name)
        wanted: Body = {}
        aliases = [word for word in value.get("Aliases") or () if word not in ours or word in chosen_aliases]
        if aliases:
            wanted["aliases"] = aliases
        if said:
            for key in ("static_ips", "static_mac", "interface_name", "options"):
                if said.get(key):
                    wanted[key] = said[key]
        elif source.typed is not None:
            options = typed.get(name) or (typed.get("", {}) if number == 0 else {})
            addresses = [options[key] for key in ("ip", "ip6") if options.get(key)]
            if addresses:
                wanted["static_ips"] = addresses
            for key, option in (("static_mac", "mac"), ("interface_name", "interface_name")):
                if options.get(option):
                    wanted[key] = options[option]
        else:
            differs.append(
                msg("Its address on the network {name} may change: nothing says whether it was fixed.", name=name)
            )
        found[name] = wanted
    return found


def _ports(source: Known, body: Body) -> None:
    host = source.host
    anywhere = {
        (each.get("host_ip") or "", int(each.get("host_port") or 0) + step)
        for each in objects(source.generated, "portmappings")
        for step in range(min(int(each.get("range") or 1), 1 << 16))
    }
    ports: list[Body] = []
    for container, bindings in part(source.inspect, "HostConfig", "PortBindings").items():
        number, _, protocol = container.partition("/")
        for binding in bindings or ():
            address, port = binding.get("HostIp") or "", int(binding.get("HostPort") or 0)
            # Inspect shows 0.0.0.0 for "all", which includes IPv6, and for an explicit 0.0.0.0 in an API request; the
            # command line turns it into "all" (pkg/specgenutil/util.go: parseSplitPort)
            if address in _ANY and ("0.0.0.0", port) not in anywhere:
                address = ""
            ports.append(
                {
                    "container_port": int(number),
                    "host_port": port,
                    "host_ip": address,
                    "protocol": protocol or "tcp",
                    "range": 1,
                }
            )
    if ports:
        body["portmappings"] = ports
    mapped = {f"{port['container_port']}/{port['protocol']}" for port in ports}
    exposed: Body = {}
    for name in part(source.inspect, "Config", "ExposedPorts"):
        number, _, protocol = name.partition("/")
        if name not in mapped:
            exposed[number] = ",".join(filter(None, (exposed.get(number), protocol or "tcp")))
    if exposed:
        body["expose"] = exposed
    if host.flag("PublishAllPorts"):
        body["publish_image_ports"] = True
