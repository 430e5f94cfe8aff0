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
        msg("Another container has this name. Rename or remove that one, or take another name."),
    ),
    Saying(
        r"cannot expose privileged port (?P<port>\d+)",
        KERNEL,
        msg(
            "A rootless engine may not publish the port {port}: it lies below the host's setting "
            "net.ipv4.ip_unprivileged_port_start. Publish a higher one, or lower that setting."
        ),
    ),
    Saying(
        r"bind for \S*?:(?P<port>\d+) failed: port is already allocated"
        r"|listen (?:tcp|udp)[46]? \S*?:(?P<port2>\d+): bind: address already in use"
        r"|port (?P<port3>\d+)\S*: .*address already in use",
        NETWORK,
        msg(
            "The port {port} of the host, which it publishes, is taken by another container or program. Free it, or "
            "publish another one."
        ),
    ),
    Saying(
        r"port is already allocated|address already in use|cannot listen on the (?:tcp|udp) port",
        NETWORK,
        msg("A port or an address that it wants on the host is taken. Free it, or publish another one."),
    ),
    Saying(
        r"listen (?:tcp|udp)\S* \S*?:(?P<port>\d+): bind: permission denied",
        KERNEL,
        msg(
            "The engine may not publish the port {port}: as an ordinary user it may use those from "
            "net.ipv4.ip_unprivileged_port_start on."
        ),
    ),
    Saying(
        r"network (?P<name>\S+) not found|network with name or id (?P<name2>[^\s:]+)|no such network:? (?P<name3>\S+)",
        NETWORK,
        msg("Its network {name} is not there any more. Make it again, or connect the container to another one."),
    ),
    Saying(
        r"static ip (?P<address>[0-9a-f.:]+[0-9a-f]) not in any subnet|no configured subnet contains ip address "
        r"(?P<address2>\S+)|invalid ip(?:v4|v6)? address:? (?P<address3>\S+)",
        NETWORK,
        msg("The fixed address {address} does not fit its network. Take one of that network, or let it choose."),
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
        msg("It uses the namespace of another container, which does not run or is gone: {name}. Start that one first."),
    ),
    Saying(
        r"(?:iptables|nftables|netavark|ip6tables)\b.*(?:fail|error|not found|permi|missing)",
        NETWORK,
        msg(
            "The engine could not set up its network: what it needs for that (iptables, nftables, a kernel module) "
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
            "There is no program {path} in it. See its entry point and its command, the image's PATH, and whether a "
            "mount covers the place."
        ),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": is a directory|path {Q}(?P<path2>[^`'\"]+){Q} is not a regular file",
        IMAGE,
        msg("{path}, which it is to run, is a folder. See its entry point and its command."),
    ),
    Saying(
        rf"exec: \"(?P<path>[^\"]+)\": permission denied|path {Q}(?P<path2>[^`'\"]+){Q} exists but it is not "
        rf"executable|open executable: permission denied|exec {Q}?(?P<path3>/[^`'\":\s]+){Q}?: permission denied",
        FILES,
        msg(
            "{path} may not be executed: it lacks the right for it (chmod +x), is out of reach for its user, or lies "
            "on a mount with noexec."
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
        msg("The folder in which it is to start, {path}, is a file."),
    ),
    Saying(
        rf"workdir \"(?P<path>[^\"]+)\" does not exist|chdir to cwd \(\"(?P<path2>[^\"]+)\"\).*{NONE}"
        rf"|chdir to {Q}(?P<path3>[^`'\"]+){Q}: {NONE}",
        IMAGE,
        msg("The folder in which it is to start, {path}, is not there. Make it in the image, or give another one."),
    ),
    Saying(
        rf"chdir to cwd \(\"(?P<path>[^\"]+)\"\).*permission denied|chdir to {Q}(?P<path2>[^`'\"]+){Q}: permission",
        FILES,
        msg("Its user may not enter the folder in which it is to start, {path}."),
    ),
    Saying(
        r"does not match the specified platform: wanted (?P<wanted>[\w/.-]+), actual: (?P<actual>[\w/.-]+)"
        r"|requested image's platform \((?P<actual2>[\w/.-]+)\) does not match the detected host platform "
        r"\((?P<wanted2>[\w/.-]+)\)",
        IMAGE,
        msg("Its image is made for {actual}, and {wanted} is wanted. Take the image of that platform."),
    ),
    Saying(
        r"no (?:matching manifest|match for platform)|image operating system|no image found in manifest list",
        IMAGE,
        msg("Its image is not made for this machine. Take one for its platform."),
    ),
    Saying(
        r"no such image|image not known|unable to find image",
        IMAGE,
        msg("The engine does not have its image any more. Pull or build it again."),
    ),
)


def meaning(words: str, asked: Asked) -> Claim | None:
    """What the engine's words mean; None where that is not known."""
    return first((*_SAYINGS, *RUNTIME_SAYINGS), words[:_LOOKED_AT], asked, Strength.SAID)
