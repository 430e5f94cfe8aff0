"""Files in Podman's create request: mounts, volumes, devices, secrets, the working directory. Pure.

Volumes are named, anonymous ones too, so that none of their data is left behind. Podman fills a volume from the image
once in the volume's life, so it is safe to name an empty one.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

from stratascope.core.message import Message, msg
from stratascope.core.options.values import device_of
from stratascope.engines.podman.sources import Known, mount_options, objects, part, secrets, words
from stratascope.engines.shared.json_reader import JsonObject

Body = dict[str, Any]

_ANONYMOUS = re.compile(r"[0-9a-f]{64}").fullmatch
_OVERLAY = "/userdata/overlay/"  # below a container's own directory
_DEVICE_KINDS = {"c": "c", "b": "b", "u": "c"}
_INIT_PLACES = ("/run/podman-init", "/dev/init")
_SECRETS = "/run/secrets/"
_ALL_DEVICES = {"allow": False, "access": "rwm"}


def storage(source: Known, body: Body, lost: list[Message], differs: list[Message]) -> None:
    """Fill in the body."""
    _mounts(source, body, lost, differs)
    _devices(source, body, lost)
    _secrets(source, body, lost)
    host, config = source.host, source.config
    # Every mount is named, so the image's own volumes must not be added
    body["image_volume_mode"] = "ignore"
    if host.texts("VolumesFrom"):
        body["volumes_from"] = list(host.texts("VolumesFrom") or ())
    if host.flag("Init") or source.note("init"):
        body["init"] = True
        mounts = source.mounts()
        path = next((str(mounts[place].get("source", "")) for place in _INIT_PLACES if place in mounts), "")
        if path:
            body["init_path"] = path
    if host.whole("ShmSize") and (host.text("IpcMode") or "private") in ("private", "shareable"):
        body["shm_size"] = host.whole("ShmSize")
    systemd_size = source.generated.get("shm_size_systemd")
    if systemd_size:
        body["shm_size_systemd"] = systemd_size
    folder = config.text("WorkingDir")
    if folder:
        body["work_dir"] = folder
        if folder == (part(source.image, "Config").get("WorkingDir") or "/"):
            body["create_working_dir"] = True  # as for any image: a typed one must exist
    storage_options = dict(word.split("=", 1) for word in source.all("storage-opt") if "=" in word)
    if storage_options:
        body["storage_opts"] = storage_options
    if source.all("chrootdirs"):
        body["chroot_directories"] = [path for word in source.all("chrootdirs") for path in word.split(",")]


def _mounts(source: Known, body: Body, lost: list[Message], differs: list[Message]) -> None:
    oci, typed = source.mounts(), mount_options(source.typed or {})
    binds: list[Body] = []
    volumes: list[Body] = []
    overlays: list[Body] = []
    images: list[Body] = []
    every = source.answer.parts("Mounts")
    image_places = {mount.text("Destination") for mount in every if mount.text("Type") == "image"}
    for mount in every:
        kind, place, origin = mount.text("Type"), mount.text("Destination"), mount.text("Source")
        options = _options(mount)
        if kind == "image":
            images.append({"Destination": place, "Source": origin, "ReadWrite": mount.flag("RW")})
        elif kind == "volume":
            name = mount.text("Name")
            volume: Body = {"Name": name, "Dest": place, "Options": options}
            if mount.text("SubPath"):
                volume["SubPath"] = mount.text("SubPath")
            if _ANONYMOUS(name):
                volume["IsAnonymous"] = True
            volumes.append(volume)
        elif place in image_places:
            continue  # inspect lists an image mount a second time, as its result
        elif _OVERLAY in origin:
            lower = next((word[9:] for word in options if word.startswith("lowerdir=")), "")
            overlays.append({"destination": place, "source": lower, "options": ["O"]})
            differs.append(msg("What was written to the overlay at {path} stays with the original.", path=place))
        else:
            binds.append(_bind(mount, oci.get(place), options))
        if {"Z", "z"} & set(typed.get(place, ())) and source.answer.text("ProcessLabel"):
            differs.append(msg("The SELinux labels of {path} stay as they are.", path=place))
    places = {each["destination"] for each in binds}
    for place, options_text in source.host.pairs("Tmpfs"):
        if place not in places:
            words_of = [word for word in options_text.split(",") if word]
            binds.append({"type": "tmpfs", "source": "tmpfs", "destination": place, "options": words_of})
    named = places | {mount.text("Destination") for mount in every} | {place for place, _ in source.host.pairs("Tmpfs")}
    for place in part(source.image, "Config", "Volumes"):
        made = oci.get(place)
        if place not in named and made is not None and made.get("type") == "tmpfs":  # --image-volume tmpfs
            binds.append({**made, "options": words(made, "options")})
    for key, found in (
        ("mounts", binds),
        ("volumes", volumes),
        ("overlay_volumes", overlays),
        ("image_volumes", images),
    ):
        if found:
            body[key] = found
    lost.extend(
        msg("The artifact that is mounted at {path} can't be referenced again.", path=mount.text("Destination"))
        for mount in every
        if mount.text("Type") == "artifact"
    )


def _bind(mount: JsonObject, oci: Body | None, options: list[str]) -> Body:
    kind, origin = "bind", mount.text("Source")
    if oci is not None and oci.get("type") not in (None, "bind"):  # devpts, ramfs: "bind" in inspect
        kind, origin, options = str(oci["type"]), str(oci.get("source", origin)), words(oci, "options")
    found: Body = {"type": kind, "source": origin, "destination": mount.text("Destination"), "options": options}
    if oci is not None and oci.get("uidMappings"):
        found["options"] = [*options, "idmap"]
    return found


def _options(mount: JsonObject) -> list[str]:
    options = list(mount.texts("Options") or ())
    options.append("rw" if mount.flag("RW") else "ro")
    if mount.text("Propagation"):
        options.append(mount.text("Propagation"))
    return options


def _devices(source: Known, body: Body, lost: list[Message]) -> None:
    linux = part(source.oci, "linux")
    rules = objects(part(linux, "resources"), "devices")
    nodes = {str(node.get("path")): node for node in objects(linux, "devices")}
    typed = {device_of(word).target: word for word in source.all("device")}
    devices: list[Body] = []
    used: list[Body] = []
    for shown in source.host.parts("Devices"):
        place = shown.text("PathInContainer")
        origin = _origin(shown, typed.get(place), nodes.get(place), lost)
        rule = _rule(nodes.get(place), rules)
        if rule is not None:
            used.append(rule)
        # Rootless engines bind the device and have no device rules: only the command shows what was typed
        access = rule["access"] if rule else typed.get(place, "").rpartition(":")[2]
        permissions = access if access and not set(access) - set("rwm") else "rwm"
        devices.append({"path": f"{origin}:{place}:{permissions}"})
    devices.extend({"path": path} for path in _bound(source, typed))
    for word in source.all("device"):
        if "=" in word and not word.startswith("/dev/"):
            # A Container Device Interface name: its result is in the configuration, and is derived again
            devices.append({"path": word})
        elif source.host.flag("Privileged"):
            # Inspect shows no devices here. A device renamed inside is there in addition to all of the machine's, and
            # explicit devices count again once the container is no longer privileged
            device = device_of(word)
            devices.append({"path": f"{device.source}:{device.target}:{device.permissions}"})
    if devices:
        body["devices"] = devices
    if source.host.flag("Privileged"):
        return
    others = [
        rule
        for rule in rules
        if rule not in used and not (rule.get("allow") is False and rule.get("access") == _ALL_DEVICES["access"])
    ]
    if others:
        body["device_cgroup_rule"] = others
    if source.all("gpus"):
        body["gpus"] = list(source.all("gpus"))


def _origin(shown: JsonObject, typed: str | None, node: Body | None, lost: list[Message]) -> str:
    """The host's path of a device. Podman's inspect looks it up by its number alone: for the disk 7:0 (`/dev/loop0`) it
    names the character device 7:0 (`/dev/vcs`), which a replacement would then get in its place.
    """
    origin, place = shown.text("PathOnHost"), shown.text("PathInContainer")
    if typed is not None:
        return device_of(typed).source
    if node is None or _is_node(origin, node) is not False:
        return origin
    found = next((path for path in (place, _path_of(node)) if path and _is_node(path, node)), None)
    if found is None:
        lost.append(msg("Podman names {device} as the device {path}, but that is another one.",
                        device=origin, path=place))  # fmt: skip
    return found or origin


def _is_node(path: str, node: Body) -> bool | None:
    """Whether this path of the machine is the device of the configuration; None: there is no such path."""
    try:
        about = Path(path).stat()
    except OSError:
        return None
    kind = "b" if stat.S_ISBLK(about.st_mode) else "c" if stat.S_ISCHR(about.st_mode) else ""
    number = (os.major(about.st_rdev), os.minor(about.st_rdev))
    return (kind, *number) == (_DEVICE_KINDS.get(str(node.get("type"))), node.get("major"), node.get("minor"))


def _path_of(node: Body) -> str | None:
    """Where the kernel says that it is: sysfs(5)."""
    folder, major, minor = "block" if node.get("type") == "b" else "char", node.get("major"), node.get("minor")
    if not isinstance(major, int) or not isinstance(minor, int):
        return None
    try:
        text = Path(f"/sys/dev/{folder}/{major}:{minor}/uevent").read_text("utf-8")
    except OSError:
        return None
    named = re.search(r"^DEVNAME=([\w/.-]+)$", text, re.MULTILINE)
    return f"/dev/{named[1]}" if named else None


def _bound(source: Known, typed: dict[str, str]) -> list[str]:
    """Devices of a rootless engine: it binds them, and inspect shows neither a device nor a mount."""
    if source.host.flag("Privileged"):
        return []  # privileged mode alone adds all of the machine's
    shown = {mount.text("Destination") for mount in source.answer.parts("Mounts")}
    shown |= {device.text("PathInContainer") for device in source.host.parts("Devices")}
    found = []
    for place, mount in source.mounts().items():
        origin, how = str(mount.get("source", "")), words(mount, "options")
        if mount.get("type") != "bind" or not origin.startswith("/dev/") or place in shown or "slave" not in how:
            continue
        word = typed.get(place, "")
        chosen = word.rpartition(":")[2] if word.count(":") == 2 or ":/" not in word else ""
        usable = bool(chosen) and not set(chosen) - set("rwm")
        found.append(f"{origin}:{place}:{chosen if usable else 'r' if 'ro' in how else 'rwm'}")
    return found


def _rule(node: Body | None, rules: list[Body]) -> Body | None:
    if node is None:
        return None
    wanted = (_DEVICE_KINDS.get(str(node.get("type"))), node.get("major"), node.get("minor"))
    return next(
        (
            rule
            for rule in rules
            if (rule.get("type"), rule.get("major"), rule.get("minor")) == wanted and rule["allow"]
        ),
        None,
    )


def _secrets(source: Known, body: Body, lost: list[Message]) -> None:
    """A secret's target: from the command, else the only remaining candidate among the mounts."""
    given = source.config.parts("Secrets")
    typed = [(name, wanted) for name, wanted in secrets(source.typed or {}) if wanted.get("type", "mount") == "mount"]
    found: list[Body] = []
    for number, secret in enumerate(given):
        name = secret.text("Name")
        target = ""
        if len(typed) == len(given) and typed[number][0] in (name, secret.text("ID")):
            target = typed[number][1].get("target", "")
        else:
            targets = _targets(source, name)
            if len(targets) == 1:
                target = targets[0]
            elif targets:
                lost.append(
                    msg("The secret {name} is mounted at several places, and Podman does not say how.", name=name)
                )
        found.append(
            {
                "Source": name,
                "Target": target,
                "UID": secret.whole("UID"),
                "GID": secret.whole("GID"),
                "Mode": secret.whole("Mode"),
            }
        )
    if found:
        body["secrets"] = found


def _targets(source: Known, name: str) -> list[str]:
    ending = f"/userdata/secrets/{name}"
    return [
        place.removeprefix(_SECRETS)
        for place, mount in source.mounts().items()
        if str(mount.get("source", "")).endswith(ending)
    ]
