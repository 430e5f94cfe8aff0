"""The options of a container of which everything is set."""

from __future__ import annotations

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedMount, AskedPort, EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.options.request import Endpoint, HealthTest, RunMount, RunOptions
from stratascope.core.relaunch.launch_spec import RestartPolicy

SECRET = "it's $ecret"
PROFILE = '{"defaultAction":"SCMP_ACT_ALLOW"}'
BEFORE = Asked(
    privileged=True, pid_mode="host", cap_add=("CAP_SYS_ADMIN",), masked_paths=(), read_only_paths=(), shm_size=1 << 20
)
ASKED = Asked(
    user="1000:1000",
    read_only_root=True,
    mounts=(AskedMount("bind", "/srv/a b", "/data", False),),
    devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),),
    memory=64 << 20,
    memory_swap=64 << 20,
    pids=50,
    cpu_cores=0.5,
    cap_add=("CAP_NET_BIND_SERVICE",),
    cap_drop=("ALL",),
    capabilities=("CAP_NET_BIND_SERVICE",),
    no_new_privileges=True,
    seccomp=ProfileKind.CUSTOM,
    seccomp_profile=PROFILE,
    apparmor=ProfileKind.CUSTOM,
    apparmor_profile="mine",
    ports=(AskedPort("80/tcp", "127.0.0.1", "8080"),),
    limits=(AskedLimit("nofile", 100, 200),),
    groups=("2000", "audio"),
    shm_size=1 << 20,
    selinux_options=("level:s0:c1,c2",),
    log_driver="json-file",
)


EVERYTHING = RunOptions(
    kind=EngineKind.DOCKER,
    name="web 1",
    image="nginx:1.27",
    before=BEFORE,
    asked=ASKED,
    entrypoint=("/bin/sh", "-c"),
    command=("echo \"$HOME\" 'x'; exec nginx", "--", "a b"),
    environment=(("PATH", "/bin"), ("PASSWORD", SECRET), ("FROM", "image"), ("EMPTY", "")),
    plain=frozenset(("FROM",)),
    labels=(("note", "two\nlines"), ("empty", "")),
    annotations=(("org.example.note", "x"),),
    workdir="/tmp",
    hostname="web",
    domainname="example.org",
    tty=True,
    stdin=True,
    init=True,
    mounts=(
        RunMount("bind", "/srv/a b", "/data", True, ("rslave", "z")),
        RunMount("volume", "state", "/state", False, ("nocopy",)),
        RunMount("tmpfs", "", "/scratch", False, ("size=1m", "mode=1777")),
        RunMount("volume", "state", "/sub", True, (), (("volume-subpath", "a,b"), ("volume-nocopy", "true"))),
        RunMount("bind", "/srv/a:b", "/colon", False, (), (("bind-propagation", "rprivate"),)),
    ),
    ports=ASKED.ports,
    networks=(Endpoint("front", ("one",), ("10.0.0.2", "fd00::2"), "02:11:22:33:44:55", (("k", "v"),)),),
    dns=("10.9.8.7",),
    dns_search=("example.org",),
    dns_options=("ndots:3", "rotate"),
    hosts=("other:10.1.2.3",),
    restart=RestartPolicy("on-failure", 3),
    stop_signal="SIGQUIT",
    stop_timeout=30,
    health=HealthTest(("CMD-SHELL", "wget -q localhost || exit 1"), 30_000_000_000, 1_500_000_000, 0, 0, 3),
    log_options=(("max-size", "1m"), ("max-file", "2")),
    seccomp=PROFILE,
    apparmor="mine",
    devices=ASKED.devices,
    memory_reservation=32 << 20,
    sysctls=(("net.ipv4.ping_group_range", "0 10"),),
    shared=(("cpu-shares", "512"), ("publish-all", "")),
    own=(("link", "dep:alias"), ("runtime", "runsc")),
    unsaid=(msg("Something that no option says."),),
)
