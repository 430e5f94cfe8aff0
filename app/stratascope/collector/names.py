"""The names of readings that are no file or link below /proc/PID, as the collector answers to them and layers ask for
them. What each is made of stands where it is read.
"""

from __future__ import annotations

NETWORK_INODE = "inode:net/dev"  # the file's inode: differs per network namespace, and everybody may see it
PARENT = "parent:cwd"  # the working directory of its parent: a runtime's monitor runs in the container's directory
PARENTS = "parents:user"  # the user namespaces above its own, nearest first
PERMISSIVE = "selinux:permissive"  # whether SELinux only warns about violations by its type
CGROUPS = "cgroup:*"  # all limit files of its cgroups
OOM, FORKS = "cgroup:oom", "cgroup:forks"
LEFT = "observer:left"  # a killed observer left it in a group of its own, and only root can move it back
SOCKETS = "fd:sockets"
DESCRIPTORS = "fd:outside"
BOUND, ROOT = "files:bound", "files:root"
# Of a process in a chroot: what it is, and all of its mount namespace if it can't leave
CHROOT, WHOLE = "root:chroot", "root:whole"
HOST_PROGRAMS = "processes:host"
CONFINED = "processes:confined"  # every process of the machine that is confined, and its ancestors
ENGINE_SOCKETS = "sockets:engines"  # the usual paths of sockets of engines, systemd and D-Bus

# Privileged, on request only
SECCOMP = "seccomp:*"  # its filters: `seccomp:0` (the oldest), `seccomp:1` ...
OWNER = "owner:"  # and the kind of a namespace: the user namespace that owns it
IDMAPS = "mnt:idmaps"
PORT_START = "netns:net.ipv4.ip_unprivileged_port_start"
DEVICES, SPECIAL, GIVING_PROGRAMS = "root:dev", "root:special", "root:programs"
REACH = "root:reach"  # what it has of the machine's credentials, private files and sockets
TRIED = "root:tried"  # the same by harmless attempts in its place, which a child makes that becomes what it is
PORTS = "net:ports"  # where its network namespace listens, and what leads there
FIREWALL = "net:firewall"  # the packet filters of its network namespace and the reader's
VARIABLES = "environ:names"  # of its environment: names, never values
LANDLOCK, SECUREBITS, DOMAIN_IDS = "bpf:landlock", "bpf:securebits", "bpf:domain"
