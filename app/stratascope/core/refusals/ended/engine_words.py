"""Messages of engines and runtimes for containers that failed to start, and their meaning. Data, and pure.

The messages are those of dockerd, containerd, runc, crun, podman, netavark and rootlesskit, found by provoking failed
starts and in their sources. They pass on the kernel's errno, so specific patterns come before general ones. Decided
against showing these messages alone: "no such file or directory" may mean the program, its interpreter, a device, a
mount or a setting.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.refusals.ended.complaints import Saying, Wants, first, more_memory, more_of, more_pids
from stratascope.core.refusals.ended.ending import ENGINE, IMAGE
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Claim, Strength
from stratascope.core.relaunch.want import HeldCapability, Unconfined

_Q = r"[`'\"]"  # quotes of runc and crun
_NONE = r"no such file or directory"


def _unconfined(system: str) -> Wants:
    return lambda asked, found: (Unconfined(system),)


_OF_RUNTIMES = (
    # -- devices, mounts, settings
    Saying(
        r"adding custom device \"(?P<path>[^\"]+)\": "
        rf"{_NONE}|l?stat (?P<path2>/dev/[^\s:]+): {_NONE}|mknod {_Q}?(?P<path3>/dev/[^`'\"\s:]+){_Q}?: {_NONE}",
        KERNEL,
        msg("The host has no device {path}. Load its driver or plug it in, or take the device out of the options."),
    ),
    Saying(
        r"custom device \"(?P<path>[^\"]+)\": not a device node|(?P<path2>/\S+) is not a device node",
        ENGINE,
        msg("{path} is not a device. Pass it in as a mount."),
    ),
    Saying(
        rf"mknod {_Q}?(?P<path>/?[^`'\"\s:]*)?{_Q}?:? ?.*operation not permitted",
        "usermap",
        msg("The engine can't create the device {path}: nobody can in a user namespace."),
        lambda asked, found: (HeldCapability(("CAP_MKNOD",)),),
    ),
    Saying(
        r"could not select device driver .*capabilities: \[\[(?P<name>[^\]]*)\]\]|unresolvable cdi devices "
        r"(?P<name2>\S+)|nvidia-container-cli: (?P<name3>[^\n:]{1,80})",
        ENGINE,
        msg(
            "The engine does not know how to provide this device: {name}. The driver's container toolkit is missing "
            "on the host, or is not set up."
        ),
    ),
    Saying(
        rf"error mounting \"(?P<source>[^\"]+)\" to rootfs at \"(?P<target>[^\"]+)\".*not a directory"
        rf"|mount {_Q}(?P<source2>[^`'\"]+){_Q} to {_Q}(?P<target2>[^`'\"]+){_Q}: (?:not|is) a directory",
        ENGINE,
        msg("{source} on the host and {target} inside are a file and a directory: one can't be mounted on the other."),
    ),
    Saying(
        rf"bind source path does not exist: (?P<path>\S+)|statfs (?P<path2>[^\s:]+): {_NONE}"
        rf"|cannot stat {_Q}(?P<path3>[^`'\"]+){_Q}: {_NONE}|error mounting \"(?P<path4>[^\"]+)\".*{_NONE}"
        rf"|mount {_Q}(?P<path5>[^`'\"]+){_Q} to .*{_NONE}",
        FILES,
        msg("{path}, which should be mounted, does not exist on the host. Create it, or remove the mount."),
    ),
    Saying(
        r"creating mount source path '(?P<path>[^']+)': .*(?:denied|read-only|not permitted)",
        FILES,
        msg("{path}, which should be mounted, does not exist on the host, and the engine can't create it."),
    ),
    Saying(
        r"path (?P<path>\S+) is mounted on \S+ but it is not a (?:shared|slave)",
        "namespaces",
        msg("Mounts below {path} should propagate, but on the host that mount is private. Make it shared there."),
    ),
    Saying(
        rf"open {_Q}?/proc/sys/(?P<path>[^`'\":\s]+){_Q}?: {_NONE}",
        KERNEL,
        msg("This kernel has no setting {path}, or its module is not loaded. Remove it from the options."),
    ),
    Saying(
        r"sysctl '?\"?(?P<name>[^\s'\"=]+)\S* is not (?:allowed|in a separate kernel namespace)"
        r"|sysctl '?\"?(?P<name2>[^\s'\"=]+)\S* (?:not allowed|can't be set)",
        KERNEL,
        msg(
            "The setting {name} belongs to the whole machine, or to a namespace that it shares with the host. Set it "
            "on the host."
        ),
    ),
    Saying(
        rf"(?:open|write)[^\n]{{0,40}}/proc/sys/(?P<path>[^`'\":\s]+){_Q}?[^\n]*(?:denied|not permitted|invalid)",
        KERNEL,
        msg("The kernel rejected that value for the setting {path}."),
    ),
    # -- limits
    Saying(
        r"setrlimit `?rlimit_(?P<name>\w+)`?: operation not permitted",
        "cgroup",
        msg("The requested limit {name} is higher than the engine's own. Lower it, or raise the engine's."),
    ),
    Saying(
        r"error setting rlimits?[^\n]*not permitted",
        "cgroup",
        msg("A requested limit (ulimit) is higher than the engine's own. Lower it, or raise the engine's."),
    ),
    Saying(
        r"init(?: process)? was oom-killed|memory limit too low|container init.{0,30}\boom\b",
        "cgroup",
        msg("Its memory limit is too low even to start it."),
        more_memory,
    ),
    Saying(
        r"minimum memory limit allowed is (?P<least>\w+)",
        "cgroup",
        msg("Its memory limit is below the minimum that the engine allows: {least}."),
        more_memory,
    ),
    Saying(
        r"unable to set memory limit to|memory\.(?:max|limit_in_bytes)[^\n]*(?:busy|invalid)",
        "cgroup",
        msg("Its memory limit is lower than what it already uses."),
        more_memory,
    ),
    Saying(
        r"too many open files",
        "cgroup",
        msg("Its open file limit is too low even to start it."),
        more_of("nofile"),
    ),
    Saying(
        r"(?:fork|clone|pthread|newosproc|create new os thread)[^\n]*resource temporarily unavailable",
        "cgroup",
        msg("Its process limit is too low even to start it."),
        more_pids,
    ),
    Saying(
        r"requested cpus are not available - requested (?P<wanted>\S+), available: (?P<there>[^\s.]+)",
        "cgroup",
        msg("It asks for the CPUs {wanted}, but the machine has {there}."),
    ),
    Saying(
        r"controller `?(?P<name>\w+)`? is not available|cannot enter cgroupv2|the \S+ controller is not delegated"
        r"|no cgroup mount found|cgroups? .*not (?:mounted|supported|available)",
        "cgroup",
        msg(
            "The engine can't set this limit: its cgroup has no controller for it. For a rootless engine, "
            "systemd has to delegate the controller."
        ),
    ),
    # -- filters, profiles, labels
    Saying(
        rf"string (?P<word>\S+) is not a valid (?:action|arch|operator) for seccomp|invalid seccomp (?:action|"
        rf"architecture|operator) {_Q}?(?P<word2>[^`'\"\s]+)",
        "seccomp",
        msg("Its seccomp profile can't be used: {word} has no meaning there."),
    ),
    Saying(
        r"seccomp profile[^\n]*(?:failed|no such|decod|unmarshal|invalid)|opening seccomp|(?:loading|load|init|set) "
        r"seccomp|seccomp[^\n]{0,60}(?:not supported|not enabled|invalid|failed|unknown|error)",
        "seccomp",
        msg(
            "Its seccomp profile could not be loaded. Check that the file exists and is complete, and that this "
            "runtime knows everything in it."
        ),
    ),
    Saying(
        r"cannot start a (?:stopped process|container that has stopped)|already dead|process already finished"
        r"|read from the init process|can't get final child's pid|unexpected eof|error during container init: *$",
        "seccomp",
        msg(
            "It ended before its program ran, and the runtime does not know why: perhaps its seccomp profile "
            "stops what the runtime needs."
        ),
    ),
    Saying(
        r"app ?armor[^\n]*(?:not enabled|not supported|disabled)",
        "mac",
        msg("It asks for an AppArmor profile, but this host does not have or does not use AppArmor."),
        _unconfined("apparmor"),
    ),
    Saying(
        r"apparmor[^\n]*(?:not loaded|could not be loaded|failed|unable|no such|not found)|(?:set|apply|write)[^\n]*"
        r"(?:apparmor|attr/exec)[^\n]*(?:no such|failed|invalid)|unable to apply apparmor",
        "mac",
        msg("Its AppArmor profile is not loaded on the host. Load it with apparmor_parser."),
        _unconfined("apparmor"),
    ),
    Saying(
        r"selinux|keycreate|(?:lsetxattr|lremovexattr|relabel)[^\n]*(?:not supported|denied|not permitted|invalid)"
        r"|security context",
        "mac",
        msg(
            "SELinux refused it: the requested label is not allowed here, or the files of a mount can't be relabelled."
        ),
        _unconfined("selinux"),
    ),
    # -- user namespaces and rights
    Saying(
        r"newuidmap|newgidmap|/etc/sub[ug]id|not enough (?:ids|uids|subids)|insufficient (?:ids|uids or gids)"
        r"|unused id|lchown [^\n]*invalid argument|uid_map|gid_map",
        "usermap",
        msg(
            "Its user namespace has too few IDs: it, or a file of its image, uses one that is not mapped. Assign "
            "more to its user in /etc/subuid and /etc/subgid."
        ),
    ),
    Saying(
        r"user namespaces? (?:are|is) not (?:enabled|supported)|(?:unshare|clone)[^\n]*no space left on device"
        r"|max_user_namespaces|cannot clone: operation not permitted|unprivileged_userns_clone",
        KERNEL,
        msg(
            "The host's kernel does not let it create a user namespace: check user.max_user_namespaces and, on "
            "Ubuntu, AppArmor's restriction of user namespaces."
        ),
    ),
    Saying(
        r"unknown cap(?:ability)?\b[^\n]{0,40}|invalid capability[^\n]{0,40}",
        "capabilities",
        msg("One of the requested capabilities is unknown to this engine or kernel."),
    ),
    Saying(
        r"(?:capset|set capabilities|apply caps|bounding set)[^\n]*not permitted",
        "capabilities",
        msg("It asks for a capability that the engine itself does not have."),
    ),
    Saying(
        r"(?:unknown or invalid runtime name|oci runtime) ?:? ?\"?(?P<name>[\w.+-]+)\"?(?: not found)?\.?$"
        r"|runtime \"(?P<name2>[^\"]+)\" not found",
        ENGINE,
        msg("The engine has no runtime {name}. Install it, or choose another one."),
    ),
    Saying(
        r"error running \S*hook|hook[^\n]*(?:failed|exit)",
        ENGINE,
        msg("A hook of the runtime (a host program that runs at each start) failed."),
    ),
    Saying(
        r"no space left on device|disk quota exceeded",
        KERNEL,
        msg("A filesystem of the host is full, or a kernel limit is reached (cgroups, user namespaces). Free some."),
    ),
    Saying(
        r"proc[`'\"]? to [`'\"]?(?:rootfs )?\S*proc\S*: operation not permitted"
        r"|mount[^\n]*\"?proc\"?[^\n]*not permitted",
        "namespaces",
        msg(
            "The kernel does not let it mount its own /proc: in a container within a container, parts of it are masked."
        ),
    ),
    Saying(
        r"mount[^\n]*(?:operation not permitted|permission denied)",
        "usermap",
        msg(
            "The engine can't mount what is requested. A rootless engine can mount few kinds of filesystems, "
            "and only files that its user can read."
        ),
    ),
    Saying(
        r"oci permission denied|operation not permitted|permission denied",
        ENGINE,
        msg(
            "The runtime was refused something that it needs for this container. A rootless engine, or one in a "
            "container, can do less than its options ask for."
        ),
    ),
    Saying(
        _NONE,
        ENGINE,
        msg("Something that it needs does not exist: see the engine's message."),
    ),
)


_LOOKED_AT = 8000  # characters

_SAYINGS = (
    # -- names, ports, networks
    Saying(
        r"name .*is (?:already )?in use|constraint failed: ContainerConfig\.Name",
        ENGINE,
        msg("Another container has this name. Rename or remove that one, or choose another name."),
    ),
    Saying(
        r"cannot expose privileged port (?P<port>\d+)",
        KERNEL,
        msg(
            "A rootless engine can't publish port {port}: it lies below the host's setting "
            "net.ipv4.ip_unprivileged_port_start. Publish a higher port, or lower that setting."
        ),
    ),
    Saying(
        r"bind for \S*?:(?P<port>\d+) failed: port is already allocated"
        r"|listen (?:tcp|udp)[46]? \S*?:(?P<port2>\d+): bind: address already in use"
        r"|port (?P<port3>\d+)\S*: .*address already in use",
        NETWORK,
        msg(
            "Port {port} of the host, which it publishes, is taken by another container or program. Free it, or "
            "publish another port."
        ),
    ),
    Saying(
        r"port is already allocated|address already in use|cannot listen on the (?:tcp|udp) port",
        NETWORK,
        msg("A port or an address that it needs on the host is taken. Free it, or publish another one."),
    ),
    Saying(
        r"listen (?:tcp|udp)\S* \S*?:(?P<port>\d+): bind: permission denied",
        KERNEL,
        msg(
            "The engine can't publish port {port}: as an ordinary user it can only use ports from "
            "net.ipv4.ip_unprivileged_port_start on."
        ),
    ),
    Saying(
        r"network (?P<name>\S+) not found|network with name or id (?P<name2>[^\s:]+)|no such network:? (?P<name3>\S+)",
        NETWORK,
        msg("Its network {name} no longer exists. Create it again, or connect the container to another one."),
    ),
    Saying(
        r"static ip (?P<address>[0-9a-f.:]+[0-9a-f]) not in any subnet|no configured subnet contains ip address "
        r"(?P<address2>\S+)|invalid ip(?:v4|v6)? address:? (?P<address3>\S+)",
        NETWORK,
        msg(
            "The fixed address {address} does not fit its network. Choose one of that network, or let the engine "
            "choose."
        ),
    ),
    Saying(
        r"(?:ip ?address|ip) (?P<address>[0-9a-f.:]+[0-9a-f])(?: is)? already (?:allocated|in use|taken)",
        NETWORK,
        msg("The fixed address {address} is used by another container."),
    ),
    Saying(
        r"non-overlapping ipv4 address pool|no free (?:ip|address)",
        NETWORK,
        msg("The engine has no free addresses left. Remove networks that nothing uses."),
    ),
    Saying(
        r"(?:cannot|can't) join network (?:namespace )?of a non running container:? (?P<name>\S+)"
        r"|container (?P<name2>\S+) is not running.*(?:namespace|network)|joining network namespace of container "
        r"(?P<name3>[^\s:]+)|no such container: (?P<name4>\S+)",
        ENGINE,
        msg(
            "It uses the namespace of another container, which does not run or no longer exists: {name}. Start that "
            "one first."
        ),
    ),
    Saying(
        r"(?:iptables|nftables|netavark|ip6tables)\b.*(?:fail|error|not found|permi|missing)",
        NETWORK,
        msg(
            "The engine could not set up its network: something it relies on (iptables, nftables, a kernel module) "
            "fails on the host."
        ),
    ),
    Saying(
        r"(?P<name>slirp4netns|pasta)\b.*(?:fail|error|not found|exit)|could not find (?P<name2>slirp4netns|pasta)",
        NETWORK,
        msg("The engine could not set up its network: {name} failed on the host, or is not installed."),
    ),
    # -- the program and its image
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": (?:stat \S+: {_NONE}|{_NONE}|executable file not found)"
        rf"|executable file {_Q}?(?P<path2>[^`'\"\s]+){_Q}? not found",
        IMAGE,
        msg(
            "There is no program {path} in it. Check its entry point and command, the image's PATH, and whether a "
            "mount hides that path."
        ),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": is a directory|path {_Q}(?P<path2>[^`'\"]+){_Q} is not a regular file",
        IMAGE,
        msg("{path}, which it should run, is a directory. Check its entry point and command."),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": permission denied|path {_Q}(?P<path2>[^`'\"]+){_Q} exists but it is not "
        rf"executable|open executable: permission denied|exec {_Q}?(?P<path3>/[^`'\":\s]+){_Q}?: permission denied",
        FILES,
        msg(
            "{path} can't be executed: it lacks execute permission (chmod +x), is out of reach for its user, or is "
            "on a noexec mount."
        ),
    ),
    Saying(
        r"unable to find user (?P<name>[^\s:]+)|user: unknown user (?P<name2>\S+)",
        IMAGE,
        msg("Its image has no user {name} in /etc/passwd. Give the user as a number, or add it to the image."),
    ),
    Saying(
        r"unable to find group (?P<name>[^\s:]+)|unknown group (?P<name2>\S+)",
        IMAGE,
        msg("Its image has no group {name} in /etc/group. Give the group as a number, or add it to the image."),
    ),
    Saying(
        r"workdir \"(?P<path>[^\"]+)\" exists .*not a directory|chdir to cwd \(\"(?P<path2>[^\"]+)\"\).*not a directory"
        rf"|chdir to {_Q}(?P<path3>[^`'\"]+){_Q}: not a directory|mkdir: (?P<path4>\S+) is not a directory",
        IMAGE,
        msg("Its working directory, {path}, is a file."),
    ),
    Saying(
        rf"workdir \"(?P<path>[^\"]+)\" does not exist|chdir to cwd \(\"(?P<path2>[^\"]+)\"\).*{_NONE}"
        rf"|chdir to {_Q}(?P<path3>[^`'\"]+){_Q}: {_NONE}",
        IMAGE,
        msg("Its working directory, {path}, does not exist. Create it in the image, or set another one."),
    ),
    Saying(
        rf"chdir to cwd \(\"(?P<path>[^\"]+)\"\).*permission denied|chdir to {_Q}(?P<path2>[^`'\"]+){_Q}: permission",
        FILES,
        msg("Its user can't enter its working directory, {path}."),
    ),
    Saying(
        r"does not match the specified platform: wanted (?P<wanted>[\w/.-]+), actual: (?P<actual>[\w/.-]+)"
        r"|requested image's platform \((?P<actual2>[\w/.-]+)\) does not match the detected host platform "
        r"\((?P<wanted2>[\w/.-]+)\)",
        IMAGE,
        msg("Its image is built for {actual}, and {wanted} is wanted. Use the image for that platform."),
    ),
    Saying(
        r"no (?:matching manifest|match for platform)|image operating system|no image found in manifest list",
        IMAGE,
        msg("Its image is not built for this machine. Use one for its platform."),
    ),
    Saying(
        r"no such image|image not known|unable to find image",
        IMAGE,
        msg("The engine no longer has its image. Pull or build it again."),
    ),
)


def meaning(words: str, asked: Asked) -> Claim | None:
    """The meaning of an engine's message; None if not known."""
    return first((*_SAYINGS, *_OF_RUNTIMES), words[:_LOOKED_AT], asked, Strength.SAID)
