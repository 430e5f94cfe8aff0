"""What engines and runtimes say where a container could not be started, and what it means. Data, and pure.

The words are those of dockerd, containerd, runc, crun, podman, netavark and rootlesskit, found by letting starts fail
and in their sources. They pass on what the kernel answered, so the special comes before the general. Decided against
telling these words alone: "no such file or directory" is the program, its interpreter, a device, a mount or a setting.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.denials.denial import FILES, KERNEL, NETWORK, Claim, Strength
from stratascope.core.denials.ended.ending import ENGINE, IMAGE
from stratascope.core.denials.ended.runtime_words import NONE, RUNTIME_SAYINGS, Q
from stratascope.core.denials.ended.saying import Saying, first
from stratascope.core.message import msg

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
        rf"exec: \"(?P<path>[^\"]+)\": (?:stat \S+: {NONE}|{NONE}|executable file not found)"
        rf"|executable file {Q}?(?P<path2>[^`'\"\s]+){Q}? not found",
        IMAGE,
        msg(
            "There is no program {path} in it. Check its entry point and command, the image's PATH, and whether a "
            "mount hides that path."
        ),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": is a directory|path {Q}(?P<path2>[^`'\"]+){Q} is not a regular file",
        IMAGE,
        msg("{path}, which it should run, is a directory. Check its entry point and command."),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": permission denied|path {Q}(?P<path2>[^`'\"]+){Q} exists but it is not "
        rf"executable|open executable: permission denied|exec {Q}?(?P<path3>/[^`'\":\s]+){Q}?: permission denied",
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
        rf"|chdir to {Q}(?P<path3>[^`'\"]+){Q}: not a directory|mkdir: (?P<path4>\S+) is not a directory",
        IMAGE,
        msg("Its working directory, {path}, is a file."),
    ),
    Saying(
        rf"workdir \"(?P<path>[^\"]+)\" does not exist|chdir to cwd \(\"(?P<path2>[^\"]+)\"\).*{NONE}"
        rf"|chdir to {Q}(?P<path3>[^`'\"]+){Q}: {NONE}",
        IMAGE,
        msg("Its working directory, {path}, does not exist. Create it in the image, or set another one."),
    ),
    Saying(
        rf"chdir to cwd \(\"(?P<path>[^\"]+)\"\).*permission denied|chdir to {Q}(?P<path2>[^`'\"]+){Q}: permission",
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
    """What the engine's words mean; None where that is not known."""
    return first((*_SAYINGS, *RUNTIME_SAYINGS), words[:_LOOKED_AT], asked, Strength.SAID)
