"""Containers that people start with too much, as run commands of real projects' documentation, and what a careful
engineer would do with each: as data, with reasons.

`on`: changes that a plan has on without having seen the container run, `off`: those that it names and leaves to a
person, since they are used or nobody knows; `gone`: none of these threats may be open then. A change is the id of a
toggle with the value, or just the id where any value will do.
"""

from __future__ import annotations

from stratascope.value import Value

TAKE_OVER = ("open-host-disk", "write-core-pattern", "register-program-format")


class Dangerous(Value):
    """One command, why somebody wrote it so, and the engineer's answer."""

    name: str
    command: str
    why: str
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stays_critical: bool = False


CONTAINERS = (
    Dangerous(
        "privileged for no reason",
        "docker run --privileged nginx",
        "A web server needs nothing of it.",
        on=("privileged=off",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "privileged as another user",
        "docker run --privileged --user 1000 app",
        "A set-uid program of the image gives all of it back.",
        on=("privileged=off",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "privileged for a serial port",
        "docker run --privileged -e SERIAL=/dev/ttyUSB0 homeassistant/home-assistant",
        "One device is needed, not all.",
        on=("privileged=off", "devices=+/dev/ttyUSB0"),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "privileged for network interfaces",
        "docker run --privileged app --caps NET_ADMIN",
        "One capability is named.",
        on=("privileged=off", "capabilities"),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "docker in docker",
        "docker run --privileged docker:dind",
        "It mounts, and makes namespaces and networks: taking it back stops it. Its rootless variant needs less.",
        off=("privileged=off",),
        stays_critical=True,
    ),
    Dangerous(
        "a node of Kubernetes",
        "docker run --privileged -v /lib/modules:/lib/modules:ro kindest/node:v1.30.0",
        "A whole system with a kubelet.",
        off=("privileged=off",),
        stays_critical=True,
    ),
    Dangerous(
        "a container builder",
        "docker run --privileged moby/buildkit:latest",
        "It runs containers.",
        off=("privileged=off",),
        stays_critical=True,
    ),
    Dangerous(
        "the engine's socket, unknown why",
        "docker run -v /var/run/docker.sock:/var/run/docker.sock app",
        "Who has it owns the machine: it goes, unless something shows that it is used.",
        on=("engine-socket=remove",),
        gone=("use-engine-socket",),
    ),
    Dangerous(
        "the engine's socket, read-only",
        "docker run -v /var/run/docker.sock:/var/run/docker.sock:ro app",
        "A read-only mount of a socket is as open as any.",
        on=("engine-socket=remove",),
        gone=("use-engine-socket",),
    ),
    Dangerous(
        "the engine's socket in use",
        "docker run -e DOCKER_HOST=unix:///var/run/docker.sock -v /var/run/docker.sock:/var/run/docker.sock app",
        "Its environment names it, so removing it breaks it: a proxy that filters calls is the way.",
        off=("engine-socket=remove",),
        stays_critical=True,
    ),
    Dangerous(
        "a proxy that reads labels",
        "docker run -v /var/run/docker.sock:/var/run/docker.sock traefik "
        "--providers.docker.endpoint=unix:///var/run/docker.sock",
        "Its command names the socket.",
        off=("engine-socket=remove",),
        stays_critical=True,
    ),
    Dangerous(
        "the whole disk",
        "docker run -v /:/host app",
        "Nothing shows that it reads anything there.",
        on=("unmount=/host",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "the whole disk, in use",
        "docker run -v /:/host:ro prom/node-exporter --path.rootfs=/host",
        "It reports on file systems of the host, and reads them there. The socket below it is open even so.",
        off=("unmount=/host",),
        stays_critical=True,
    ),
    Dangerous(
        "the host's settings",
        "docker run -v /etc:/hostetc app",
        "Whoever writes there is root at the next login.",
        on=("host-paths=/hostetc",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "the host's settings, named",
        "docker run -v /etc:/hostetc app --config /hostetc/app.conf",
        "It reads there; nothing shows that it writes, so it can read on.",
        on=("host-paths=/hostetc",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "the host's programs",
        "docker run -v /usr/local/bin:/tools app",
        "Programs there are started by others.",
        on=("host-paths=/tools",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "root's own folder",
        "docker run -v /root:/backup app",
        "It holds keys, and what root starts at login.",
        on=("host-paths=/backup",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "data of its own",
        "docker run -v /srv/media:/media app",
        "A folder of data is no way into the machine, and must stay as it is.",
        off=("host-paths",),
    ),
    Dangerous(
        "SYS_ADMIN",
        "docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined app",
        "Together they mount the disk.",
        on=("capabilities", "seccomp=default"),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "SYS_ADMIN for FUSE",
        "docker run --cap-add SYS_ADMIN --device /dev/fuse sshfs /dev/fuse",
        "Its command names the device and no capability. Whether it mounts nobody has seen.",
        on=("capabilities",),
        off=("devices=remove",),
    ),
    Dangerous(
        "every capability",
        "docker run --cap-add ALL app",
        "Nobody needs all.",
        on=("capabilities",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "modules",
        "docker run --cap-add SYS_MODULE --cap-add NET_ADMIN linuxserver/wireguard",
        "A module owns the kernel. NET_ADMIN is in its own network and what it is for: left, and said.",
        on=("capabilities",),
        off=("drop=CAP_NET_ADMIN",),
        gone=("load-module",),
    ),
    Dangerous(
        "files by handle",
        "docker run --cap-add DAC_READ_SEARCH app",
        "It opens any file of the disk below it by number.",
        on=("capabilities",),
        gone=("open-by-handle",),
    ),
    Dangerous(
        "a tunnel",
        "docker run --cap-add NET_ADMIN --device /dev/net/tun app",
        "What a VPN is started with. Neither opens anything critical in its own network.",
        off=("drop=CAP_NET_ADMIN", "devices=remove"),
    ),
    Dangerous(
        "the host's processes",
        "docker run --pid host --cap-add SYS_PTRACE app",
        "It can be any of them.",
        on=("pid=private", "capabilities"),
        gone=("trace-host-process",),
    ),
    Dangerous(
        "the host's network",
        "docker run --network host app",
        "Making it private cuts off whoever reaches it: for a person to decide.",
        off=("network=private",),
    ),
    Dangerous(
        "no filter",
        "docker run --security-opt seccomp=unconfined app",
        "Engines have it on, and few programs need it off.",
        on=("seccomp=default",),
    ),
    Dangerous(
        "nothing masked",
        "docker run --security-opt systempaths=unconfined app",
        "Root inside writes the kernel's settings.",
        on=("masked-paths=default",),
        gone=("write-core-pattern",),
    ),
    Dangerous(
        "the disk itself",
        "docker run --device /dev/sda app",
        "Who reads it reads every file.",
        on=("devices=remove",),
        gone=("open-host-disk",),
    ),
    Dangerous(
        "everything at once",
        "docker run --privileged --pid host --network host --ipc host -v /:/host app",
        "All of it goes but the network, which others reach.",
        on=("privileged=off", "pid=private", "unmount=/host"),
        off=("network=private",),
        gone=(*TAKE_OVER, "change-host-system"),
    ),
    Dangerous(
        "published to everyone",
        "docker run -p 8080:80 nginx",
        "Who reaches it is for a person to change.",
        off=("publish=loopback",),
    ),
)
