"""Files as people write them, with what is unusual in each: by name, the text.

{folder} is a folder that the engine may use, {run} that of its socket. A service, container or unit sleeps.
"""

from __future__ import annotations

_SERVICE = "image: busybox\n    command: [sleep, '3600']\n"


def _compose(*lines: str, more: str = "") -> str:
    """One service `it` with these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"services:\n  it:\n    {_SERVICE}{body}{more}"


COMPOSE = {
    "caps": _compose("cap_drop: [ALL]", "cap_add: [CHOWN, net_bind_service, CAP_SETUID]"),
    "user": _compose("user: app:daemon", "group_add: ['7', daemon]"),
    "user-number": _compose("user: '4242'", "read_only: true", "tmpfs: [/tmp:size=1m, /run]"),
    "paths": _compose("security_opt: ['systempaths=unconfined', 'no-new-privileges:true']"),
    "sockets": _compose("volumes: ['{run}:/u:ro']"),
    "socket-user": _compose("user: '1000:1000'", "volumes: [{{type: bind, source: '{run}', target: /u}}]"),
    "host": _compose("network_mode: host", "pid: host", "uts: host"),
    "devices": _compose("devices: ['/dev/kmsg']", "device_cgroup_rules: ['c 1:* rwm']"),
    "limits": _compose(
        "mem_limit: 64m", "memswap_limit: 128m", "pids_limit: 50", "cpus: 0.5", "oom_score_adj: 500", "shm_size: 8m"
    ),
    "deploy": _compose("deploy: {{resources: {{limits: {{cpus: '0.25', memory: 64M, pids: 40}}}}}}"),
    "ulimits": _compose("ulimits: {{nproc: 5000, nofile: {{soft: 64, hard: 128}}}}", "user: app"),
    "volumes": _compose(
        "volumes:",
        "  - data:/data:ro",
        "  - {{type: volume, source: data, target: /more, read_only: true}}",
        "  - {{type: tmpfs, target: /t, tmpfs: {{size: 1000000}}}}",
        "  - /anonymous",
        "  - bound:/bound",
        more="volumes:\n  data:\n  bound: {{driver_opts: {{type: none, o: bind, device: /usr/local}}}}\n",
    ),
    "binds": _compose(
        "volumes:",
        "  - /etc:/host/etc:ro",
        "  - ./:/here",
        "  - {{type: bind, source: /usr, target: /host, read_only: true, bind: {{propagation: rprivate}}}}",
    ),
    "not-recursive": _compose(
        "volumes:", "  - {{type: bind, source: /, target: /host, bind: {{recursive: disabled}}}}"
    ),
    "privileged": _compose("privileged: yes", "ipc: shareable"),
    "privileged-user": _compose("privileged: true", "user: '1000'", "cap_drop: [SYS_MODULE]"),
    "sysctls": _compose(
        "sysctls: {{net.ipv4.ip_unprivileged_port_start: 80, net.core.somaxconn: 128}}", "user: '1000'"
    ),
    "merged": "x-a: &a {{cap_drop: [ALL], read_only: true}}\nx-b: &b\n  <<: *a\n  security_opt: ['no-new-privileges']\n"
    + _compose("<<: *b", "user: '1000'"),
    "extended": "services:\n  base: {{image: busybox, command: [sleep, '3600'], privileged: true, pid: host}}\n"
    "  it:\n    extends: base\n    privileged: false\n    cap_add: [SYS_PTRACE]\n",
    # as their own guides have them
    "traefik": _compose(
        "security_opt: ['no-new-privileges:true']",
        "ports: ['80', '443']",
        "volumes: ['{run}/engine.sock:/var/run/docker.sock:ro', './:/letsencrypt', '/etc/localtime:/etc/localtime:ro']",
    ),
    "pi-hole": _compose(
        "cap_add: [NET_ADMIN, SYS_TIME, SYS_NICE]",
        "dns: [127.0.0.1]",
        "volumes: ['{folder}:/etc/pihole', 'dns:/etc/dnsmasq.d']",
        more="volumes: {{dns: {{}}}}\n",
    ),
    "home-assistant": _compose(
        "privileged: true", "network_mode: host", "volumes: ['{folder}:/config', '/run/dbus:/run/dbus:ro']"
    ),
    "jellyfin": _compose(
        "user: 1000:1000",
        "group_add: ['44']",
        "network_mode: host",
        "devices: [/dev/fuse]",
        "volumes: ['{folder}:/config', {{type: bind, source: /srv, target: /media, read_only: true}}]",
    ),
    "runner-dind": f"services:\n  dind:\n    {_SERVICE}    privileged: true\n    volumes: [certs:/certs]\n"
    f"  runner:\n    {_SERVICE}    volumes: ['certs:/certs:ro', '{{folder}}:/etc/gitlab-runner']\n"
    "    depends_on: [dind]\nvolumes: {{certs: {{}}}}\n",
    "monitoring": f"services:\n  cadvisor:\n    {_SERVICE}    privileged: true\n    devices: [/dev/kmsg]\n"
    "    volumes: ['/:/rootfs:ro', '/var/run:/var/run:ro', '/sys:/sys:ro']\n"
    f"  exporter:\n    {_SERVICE}    pid: host\n    network_mode: host\n    user: '65534'\n"
    "    volumes: ['/proc:/host/proc:ro', '/sys:/host/sys:ro']\n",
    "vpn": f"services:\n  vpn:\n    {_SERVICE}    cap_add: [NET_ADMIN]\n    devices: [/dev/net/tun]\n"
    "    sysctls: [net.ipv4.conf.all.src_valid_mark=1]\n"
    f"  client:\n    {_SERVICE}    network_mode: service:vpn\n    user: '1000'\n    depends_on: [vpn]\n",
    "databases": f"services:\n  db:\n    {_SERVICE}    user: '999'\n    shm_size: 256m\n"
    "    volumes: [db:/var/lib/postgresql/data]\n"
    f"  cache:\n    {_SERVICE}    read_only: true\n    cap_drop: [ALL]\n    tmpfs: /tmp\n    user: '999:1000'\n"
    "volumes: {{db: {{}}}}\n",
    "host-programs": _compose("user: '1000'", "volumes: ['/usr/local/bin:/x:ro', '/usr/bin:/host/bin:ro']"),
    "joined": f"services:\n  base:\n    {_SERVICE}    network_mode: host\n    pid: host\n"
    f"  it:\n    {_SERVICE}    network_mode: service:base\n    pid: service:base\n",
}

# A rootless Docker can't mount a proc for who joins the host's processes
NOT_ROOTLESS = frozenset(("joined",))


def _unit(*lines: str) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return f"[Container]\nImage=busybox\nExec=sleep 3600\n{body}"


UNITS = {
    "alias": _unit("PodmanArgs=--security-opt systempaths=unconfined"),
    "unmask": _unit("Unmask=/proc/sys:/proc/keys"),
    "unmask-all": _unit("Unmask=ALL", "AddCapability=SYS_ADMIN"),
    "caps": _unit("DropCapability=all", "AddCapability=CAP_CHOWN CAP_SETUID", "NoNewPrivileges=yes"),
    "user": _unit("User=app", "Group=daemon", "GroupAdd=7"),
    "user-number": _unit("User=4242", "ReadOnly=true", "ReadOnlyTmpfs=true"),
    "keep-id": _unit("UserNS=keep-id:uid=0,gid=0"),
    "keep-id-user": _unit("UserNS=keep-id:uid=200,gid=210", "Volume={folder}:/data"),
    "sockets": _unit("Volume={run}:/u:ro", "DropCapability=ALL"),
    "host": _unit("Network=host", "PodmanArgs=--pid=host --uts host"),
    "binds": _unit("Volume=/etc:/host/etc:ro", "Mount=type=bind,source=/usr/local,target=/l,readonly", "Tmpfs=/t:ro"),
    "devices": _unit("AddDevice=/dev/kmsg", "AddDevice=-/dev/missing"),
    "limits": _unit("PidsLimit=50", "Ulimit=nproc=5000:6000", "ShmSize=8m", "PodmanArgs=--memory 64m --cpus .5"),
    "reset": _unit("AddCapability=SYS_ADMIN", "AddCapability=", "AddCapability=NET_ADMIN"),
    "privileged": _unit("PodmanArgs=--privileged", "User=1000"),
    "tailscale": _unit("AddCapability=NET_ADMIN NET_RAW", "AddDevice=/dev/net/tun", "Volume=state:/var/lib/tailscale"),
    "exporter": _unit("Network=host", "PodmanArgs=--pid=host", "User=65534", "Volume=/:/host:ro,rslave"),
    "minio": _unit("User=1000", "NoNewPrivileges=true", "DropCapability=all", "Volume=minio:/data", "ReadOnly=true"),
    "code": _unit("UserNS=keep-id", "Volume={folder}:/home/coder/project", "SecurityLabelDisable=true"),
    "seccomp": _unit("SeccompProfile=unconfined", "SecurityLabelDisable=true", "AddCapability=SYS_PTRACE"),
}


def _pod(container: str, pod: str = "", volumes: str = "") -> str:
    """One container `it`, with these fields."""
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{{{name: odd}}}}\nspec:\n{pod}  containers:\n"
        f"    - name: it\n      image: localhost/busybox:latest\n      imagePullPolicy: Never\n"
        f"      command: [sleep, '3600']\n{container}{volumes}"
    )


def _context(*fields: str) -> str:
    return f"      securityContext: {{{{{', '.join(fields)}}}}}\n"


MANIFESTS = {
    "caps": _pod(_context("capabilities: {{drop: [ALL], add: [CHOWN, SETUID]}}", "allowPrivilegeEscalation: false")),
    "user": _pod(_context("runAsUser: 1000", "runAsGroup: 12", "readOnlyRootFilesystem: true")),
    "pod-user": _pod("", "  securityContext: {{runAsUser: 4242, supplementalGroups: [7]}}\n"),
    "host": _pod("", "  hostNetwork: true\n  hostPID: true\n"),
    "privileged": _pod(_context("privileged: true", "runAsUser: 1000")),
    "added": _pod(_context("capabilities: {{add: [SYS_ADMIN, NET_ADMIN]}}")),
    "sockets": _pod(
        "      volumeMounts: [{{name: run, mountPath: /u, readOnly: true}}]\n",
        volumes="  volumes: [{{name: run, hostPath: {{path: '{run}'}}}}]\n",
    ),
    "binds": _pod(
        "      volumeMounts: [{{name: etc, mountPath: /host/etc}}, {{name: none, mountPath: /empty}}]\n",
        volumes="  volumes:\n    - {{name: etc, hostPath: {{path: /etc, type: Directory}}}}\n"
        "    - {{name: none, emptyDir: {{}}}}\n",
    ),
    "unmasked": _pod(_context("procMount: Unmasked")),
    "hardened": _pod(
        _context(
            "runAsNonRoot: true",
            "runAsUser: 1000",
            "allowPrivilegeEscalation: false",
            "readOnlyRootFilesystem: true",
            "capabilities: {{drop: [ALL]}}",
            "seccompProfile: {{type: RuntimeDefault}}",
        ),
        "  securityContext: {{fsGroup: 2000}}\n",
    ),
    "init": _pod(
        "      volumeMounts: [{{name: work, mountPath: /work}}]\n",
        "  initContainers:\n    - name: first\n      image: localhost/busybox:latest\n      imagePullPolicy: Never\n"
        "      command: ['true']\n      securityContext: {{privileged: true}}\n",
        "  volumes: [{{name: work, emptyDir: {{}}}}]\n",
    ),
    "agent": _pod(
        _context("capabilities: {{add: [SYS_PTRACE]}}", "runAsUser: 0")
        + "      volumeMounts: [{{name: root, mountPath: /host, readOnly: true, mountPropagation: HostToContainer}}]\n",
        "  hostPID: true\n  hostNetwork: true\n",
        "  volumes: [{{name: root, hostPath: {{path: /}}}}]\n",
    ),
    "limits": _pod("      resources: {{limits: {{memory: 64Mi, cpu: 500m}}}}\n"),
}
