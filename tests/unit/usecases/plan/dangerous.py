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
        "The device is for mounting, and that takes SYS_ADMIN: the host could mount it and hand in the folder.",
        off=("drop=CAP_SYS_ADMIN", "devices=remove"),
        stays_critical=True,
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
    # As projects document them
    Dangerous(
        "a user interface of the engine",
        "docker run -v /var/run/docker.sock:/var/run/docker.sock -v data:/data portainer/portainer-ce:lts",
        "It is made for the socket, and nothing else names it: without, it is of no use.",
        off=("engine-socket=remove",),
        stays_critical=True,
    ),
    Dangerous(
        "a proxy that finds its services",
        "docker run -v /var/run/docker.sock:/var/run/docker.sock:ro traefik:v3.1 --providers.docker=true",
        "It asks the engine, and reads only: a proxy for GET is enough.",
        off=("engine-socket=remove",),
        stays_critical=True,
    ),
    Dangerous(
        "a proxy for the socket, privileged",
        "docker run --privileged -e POST=0 -v /var/run/docker.sock:/var/run/docker.sock:ro "
        "tecnativa/docker-socket-proxy",
        "It is the alternative itself; privileged was for hosts with SELinux.",
        on=("privileged=off",),
        off=("engine-socket=remove",),
        gone=TAKE_OVER,
        stays_critical=True,
    ),
    Dangerous(
        "a server for builds with the host's client",
        "docker run --privileged -u root -v /var/run/docker.sock:/var/run/docker.sock "
        "-v /usr/bin/docker:/usr/bin/docker jenkins/jenkins:lts",
        "Who mounts the client uses the socket. A client needs no privileges, and must not be replaced from inside.",
        on=("privileged=off", "host-paths=/usr/bin/docker"),
        off=("engine-socket=remove",),
        gone=TAKE_OVER,
        stays_critical=True,
    ),
    Dangerous(
        "an agent of the whole host",
        "docker run --pid host --network host --cap-add SYS_PTRACE --cap-add SYS_ADMIN -v /:/host/root:ro "
        "-v /proc:/host/proc:ro -v /sys:/host/sys:ro -v /var/run/docker.sock:/var/run/docker.sock:ro netdata/netdata",
        "All of it is what it reports on, and its plugins are set-uid.",
        off=("pid=private", "unmount=/host/root", "drop=CAP_SYS_ADMIN", "network=private", "unmount=/host/proc"),
        stays_critical=True,
    ),
    Dangerous(
        "statistics of containers, privileged",
        "docker run --privileged --device /dev/kmsg -v /:/rootfs:ro -v /var/run:/var/run:ro -v /sys:/sys:ro "
        "gcr.io/cadvisor/cadvisor:v0.49.1",
        "It reads files, and the device is passed in by name.",
        on=("privileged=off",),
        off=("unmount=/rootfs", "unmount=/var/run", "devices=remove"),
        gone=("write-core-pattern", "register-program-format"),
        stays_critical=True,
    ),
    Dangerous(
        "metrics of the host, mounted to be written",
        "docker run -v /proc:/host/proc:ro -v /:/rootfs prom/node-exporter --path.rootfs=/rootfs",
        "It only reads there: read-only, though sockets below stay open.",
        on=("host-paths=/rootfs",),
        off=("unmount=/rootfs",),
        stays_critical=True,
    ),
    Dangerous(
        "a backup of everything",
        "docker run -v ./config:/config -v /:/source lscr.io/linuxserver/duplicati",
        "A backup reads; restoring is for another run.",
        on=("host-paths=/source",),
        off=("unmount=/source",),
        stays_critical=True,
    ),
    Dangerous(
        "a backup that mounts",
        "docker run -v /:/mnt/source:ro --cap-add SYS_ADMIN --device /dev/fuse --security-opt apparmor=unconfined "
        "borgmatic-collective/borgmatic",
        "SYS_ADMIN and the device belong together, for looking into an archive.",
        off=("unmount=/mnt/source", "drop=CAP_SYS_ADMIN", "devices=remove"),
        stays_critical=True,
    ),
    Dangerous(
        "cameras, privileged",
        "docker run --privileged --shm-size 512m --device /dev/bus/usb --device /dev/dri/renderD128 "
        "-v ./config:/config blakeblackshear/frigate:stable",
        "Its devices are passed in by name. The file itself says that privileged may not be necessary.",
        on=("privileged=off",),
        off=("devices=remove",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "data below /opt",
        "docker run -v /opt/plex:/config plexinc/pms-docker",
        "It keeps its database there: read-only stops it. That host programs are run from there nobody knows.",
        off=("host-paths",),
        stays_critical=True,
    ),
    Dangerous(
        "somebody's home",
        "docker run -e SUDO_PASSWORD=x -v /home/me:/home/me lscr.io/linuxserver/code-server",
        "It is what they work on, by sudo too.",
        off=("host-paths", "no-new-privileges=on"),
        stays_critical=True,
    ),
    Dangerous(
        "a tunnel, privileged",
        "docker run --privileged --cap-add NET_ADMIN kylemanna/openvpn",
        "The capability is named already, and with its device it is enough.",
        on=("privileged=off", "devices=+/dev/net/tun"),
        off=("drop=CAP_NET_ADMIN",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "a file server of the kernel",
        "docker run --privileged -v /srv/nfs:/nfs erichough/nfs-server",
        "It mounts nfsd, which takes SYS_ADMIN. That leaves much open, though no disk.",
        on=("privileged=off", "capabilities=+CAP_SYS_ADMIN"),
        gone=("open-host-disk", "load-module"),
        stays_critical=True,
    ),
    Dangerous(
        "a watch on system calls",
        "docker run --privileged -v /proc:/host/proc:ro -v /etc:/host/etc:ro falcosecurity/falco:latest",
        "What it needs of privileged is documented: four capabilities.",
        on=("privileged=off", "capabilities=+CAP_SYS_PTRACE,CAP_SYS_RESOURCE,CAP_PERFMON,CAP_BPF"),
        off=("unmount=/host/proc",),
        gone=("open-host-disk", "register-program-format"),
        stays_critical=True,
    ),
    Dangerous(
        "a browser for tests",
        "docker run --shm-size 2g --cap-add SYS_ADMIN --security-opt seccomp=unconfined selenium/standalone-chrome",
        "It starts its browser without a sandbox, and asks for neither.",
        on=("drop=CAP_SYS_ADMIN", "seccomp=default"),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "a browser with its sandbox",
        "docker run --cap-add SYS_ADMIN ghcr.io/puppeteer/puppeteer node script.js",
        "The sandbox takes namespaces: a filter that lets those be made is better.",
        off=("drop=CAP_SYS_ADMIN",),
        stays_critical=True,
    ),
    Dangerous(
        "storage on raw disks",
        "docker run --privileged --network host -v /dev:/dev quay.io/ceph/ceph ceph-osd -f -i 0",
        "Its disks are not named, so nothing less is known to do.",
        off=("privileged=off", "host-paths=/dev", "seccomp=default"),
        stays_critical=True,
    ),
    Dangerous(
        "the health of disks",
        "docker run --cap-add SYS_RAWIO --cap-add SYS_ADMIN --device /dev/sda --device /dev/nvme0 analogj/scrutiny",
        "That is how a disk is asked. Only those that are asked should be there.",
        off=("drop=CAP_SYS_RAWIO", "drop=CAP_SYS_ADMIN", "devices=remove"),
        stays_critical=True,
    ),
    Dangerous(
        "a debugger of the host",
        "docker run --pid host --cap-add SYS_PTRACE --security-opt seccomp=unconfined gcc:13 gdb -p 1",
        "It is for that; tracing passes the engine's filter.",
        on=("seccomp=default",),
        off=("pid=private", "drop=CAP_SYS_PTRACE"),
        stays_critical=True,
    ),
    Dangerous(
        "a whole system",
        "docker run --privileged --cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup jrei/systemd-ubuntu:22.04",
        "Its service manager mounts, and manages control groups.",
        off=("privileged=off", "cgroupns=private"),
        stays_critical=True,
    ),
    Dangerous(
        "a cluster in one container",
        "docker run --privileged --security-opt seccomp=unconfined -v node:/var gcr.io/k8s-minikube/kicbase:v0.0.44",
        "A kubelet and its containers.",
        off=("privileged=off", "seccomp=default"),
        stays_critical=True,
    ),
    Dangerous(
        "a builder that needs no engine, privileged",
        "docker run --privileged -v ./src:/workspace gcr.io/kaniko-project/executor:latest --no-push",
        "It is made to need none of it.",
        on=("privileged=off",),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "a robot",
        "docker run --privileged --network host --ipc host --pid host -v /dev:/dev ros:humble "
        "ros2 launch robot bringup.launch.py port:=/dev/ttyUSB0",
        "One serial port; its nodes find each other in the host's network, and share memory.",
        on=("privileged=off", "devices=+/dev/ttyUSB0", "pid=private"),
        off=("network=private", "ipc=private"),
        gone=TAKE_OVER,
    ),
    Dangerous(
        "sockets of a session",
        "docker run -v /run/user/1000/wayland-0:/tmp/wayland-0 -v /run/user/1000:/run/user/1000 debian foot",
        "One socket is needed, not all; and read-only they are as open.",
        on=("unmount=/run/user/1000",),
        off=("unmount=/tmp/wayland-0",),
        gone=("change-host-system",),
    ),
    Dangerous(
        "a service with all that came to mind",
        "docker run --network host --pid host --ipc host --cap-add SYS_ADMIN --cap-add SYS_PTRACE "
        "--cap-add DAC_READ_SEARCH --security-opt seccomp=unconfined --security-opt systempaths=unconfined "
        "-v /proc:/host/proc -v /sys:/host/sys -v /root/.ssh:/root/.ssh company/backend",
        "Each of them is held open by others too: all go together, or nothing is closed.",
        on=("pid=private", "unmount=/host/proc", "unmount=/host/sys", "host-paths=/root/.ssh", "masked-paths=default"),
        off=("network=private",),
        gone=("enter-host-user-process", "change-host-system"),
    ),
)
