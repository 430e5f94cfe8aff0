"""Threats by the network: eavesdropping, forging, and reaching what only the host should reach."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue.shared import (
    AF_ALG,
    AF_CAN,
    AF_INET,
    AF_INET6,
    AF_KCM,
    AF_NETLINK,
    AF_PACKET,
    AF_RDS,
    AF_SMC,
    AF_TIPC,
    AF_UNIX,
    AF_VSOCK,
    AF_XDP,
    IPPROTO_SCTP,
    NETLINK_NETFILTER,
    NETLINK_ROUTE,
    NETLINK_XFRM,
    OWN_NETWORK,
    SOCK_RAW,
    SOCK_SEQPACKET,
    calls,
    connecting,
    direct,
    entered,
    own,
    socket,
)
from stratascope.core.threats.needs import (
    AbstractSocket,
    Capability,
    Feature,
    LowPort,
    RouteOut,
    Shares,
    Where,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat

_DROP_RAW = msg("Drop NET_RAW. ping works without it if net.ipv4.ping_group_range allows it.")


def _net(name: str) -> Capability:
    return Capability((name,), Where.NET_OWNER)


THREATS = (
    Threat(
        "reach-host-network",
        Family.NETWORK,
        Severity.HIGH,
        msg("Use the host's network"),
        msg("Could reach every service that listens on the host's localhost."),
        msg("Databases, debuggers and control sockets that trust localhost are open to it."),
        msg("Give it a private network namespace, and publish only the ports that it serves."),
        "namespaces",
        (direct("connect(127.0.0.1)", Shares("net")), entered("net", "connect(127.0.0.1)")),
        ("CIS-Docker-1.6.0:5.10", "PSS:baseline", "network_namespaces(7)"),
    ),
    Threat(
        "reach-abstract-sockets",
        Family.NETWORK,
        Severity.HIGH,
        msg("Reach abstract sockets of the host"),
        msg("Could connect to host programs' abstract sockets, such as those of the desktop."),
        msg("Some of them, such as that of old containerd, do whatever root asks for."),
        msg("Give it a private network namespace: abstract sockets belong to it."),
        "namespaces",
        (
            direct('connect("@name")', Shares("net"), AbstractSocket(), *connecting(AF_UNIX)),
            entered("net", 'connect("@name")', AbstractSocket(), *connecting(AF_UNIX)),
        ),
        ("unix(7)", "network_namespaces(7)"),
    ),
    Threat(
        "packet-socket",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Sniff and forge packets"),
        msg("Could read all traffic on its network, and send packets from another container's address."),
        msg("It can pose as a neighbour or as the gateway, and read what is not encrypted."),
        _DROP_RAW,
        "capabilities",
        (
            direct(
                "socket(AF_PACKET, SOCK_RAW)",
                socket(AF_PACKET, SOCK_RAW),
                _net("CAP_NET_RAW"),
                Feature("packet_socket"),
            ),
        ),
        ("packet(7)", "PSS:baseline"),
    ),
    Threat(
        "raw-socket",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Send raw IP packets"),
        msg("Could build IP packets by hand, as ping does, with any content and source address."),
        msg("It can scan quietly and pose as others in its network."),
        _DROP_RAW,
        "capabilities",
        (direct("socket(AF_INET, SOCK_RAW)", socket(AF_INET, SOCK_RAW), _net("CAP_NET_RAW")),),
        ("raw(7)", "PSS:baseline"),
    ),
    Threat(
        "configure-network",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Reconfigure the network"),
        msg("Could change addresses, routes and firewall rules of the network that it is in."),
        msg("It can redirect traffic and reach rarely used kernel code; in the host's network it controls everything."),
        msg("Drop NET_ADMIN, unless the program is a VPN or a router."),
        "capabilities",
        (
            direct("ioctl(SIOCSIFFLAGS)", calls("ioctl"), _net("CAP_NET_ADMIN")),
            Route(
                msg("over netlink"),
                (
                    Step("socket(AF_NETLINK, NETLINK_ROUTE)", (socket(AF_NETLINK, protocol=NETLINK_ROUTE),)),
                    Step(
                        "sendto(RTM_NEWLINK)",
                        (calls("sendto", "sendmsg", "write", "socketcall"), _net("CAP_NET_ADMIN")),
                    ),
                ),
            ),
        ),
        ("netdevice(7)", "rtnetlink(7)", "capabilities(7)"),
    ),
    Threat(
        "vsock",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Talk to the hypervisor"),
        msg("Could connect to the hypervisor or to virtual machines (vsock), past every firewall."),
        msg("Agents that listen there often trust anyone who connects."),
        msg("Use a seccomp profile that stops AF_VSOCK and, where 32-bit calls exist, socketcall."),
        "seccomp",
        (direct("socket(AF_VSOCK)", socket(AF_VSOCK), Feature("vsock")),),
        ("vsock(7)",),
    ),
    Threat(
        "crypto-socket",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Use the kernel's ciphers"),
        msg("Could use the kernel's crypto code through AF_ALG sockets, which few programs use."),
        msg("Vulnerabilities there have made ordinary users root, also on the host."),
        msg("Use a seccomp profile that stops AF_ALG and, where 32-bit calls exist, socketcall."),
        "seccomp",
        (direct("socket(AF_ALG)", socket(AF_ALG), Feature("crypto_socket")),),
        (*flaws_of("crypto-socket"), "socket(2)"),
    ),
    Threat(
        "rare-sockets",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Use rare network protocols"),
        msg(
            "Could use network protocols that hardly any program needs, such as TIPC, RDS or CAN; many load on demand."
        ),
        msg("Vulnerabilities there have made ordinary users root, also on the host."),
        msg(
            "Use a seccomp profile that stops these families and io_uring, or turn their modules off on the host "
            "(modprobe.d)."
        ),
        "seccomp",
        (
            *(
                Route(name, (Step(f"socket({family})", (socket(number, kind, protocol), Feature(feature), *more)),))
                for name, family, number, kind, protocol, feature, more in (
                    (msg("TIPC"), "AF_TIPC", AF_TIPC, None, None, "tipc_socket", ()),
                    (msg("RDS"), "AF_RDS", AF_RDS, SOCK_SEQPACKET, 0, "rds_socket", ()),
                    (msg("SMC"), "AF_SMC", AF_SMC, None, None, "smc_socket", ()),
                    (msg("CAN"), "AF_CAN", AF_CAN, None, None, "can_socket", ()),
                    (msg("KCM"), "AF_KCM", AF_KCM, None, None, "kcm_socket", ()),
                    (msg("SCTP"), "AF_INET, IPPROTO_SCTP", AF_INET, None, IPPROTO_SCTP, "sctp_socket", ()),
                    (msg("XDP"), "AF_XDP", AF_XDP, SOCK_RAW, 0, "xdp_socket", (_net("CAP_NET_RAW"),)),
                )
            ),
        ),
        ("socket(2)", "address_families(7)"),
    ),
    Threat(
        "firewall-code",
        Family.NETWORK,
        Severity.MEDIUM,
        msg("Reach firewall and tunnel code"),
        msg("Could set up firewall rules or encrypted tunnels, through kernel code with many known vulnerabilities."),
        msg("Such vulnerabilities have led out of containers every year."),
        msg("Drop NET_ADMIN, and use a seccomp profile that stops CLONE_NEWUSER, as Docker's default does."),
        "capabilities",
        (
            Route(
                msg("firewall rules"),
                (
                    Step(
                        "socket(AF_NETLINK, NETLINK_NETFILTER)",
                        (
                            socket(AF_NETLINK, protocol=NETLINK_NETFILTER),
                            _net("CAP_NET_ADMIN"),
                            Feature("netfilter"),
                        ),
                    ),
                ),
            ),
            Route(
                msg("encrypted tunnels"),
                (
                    Step(
                        "socket(AF_NETLINK, NETLINK_XFRM)",
                        (socket(AF_NETLINK, protocol=NETLINK_XFRM), _net("CAP_NET_ADMIN"), Feature("xfrm")),
                    ),
                ),
            ),
            Route(
                msg("in new namespaces"),
                (
                    OWN_NETWORK,
                    Step(
                        "socket(AF_NETLINK, NETLINK_NETFILTER)",
                        (socket(AF_NETLINK, protocol=NETLINK_NETFILTER), Feature("netfilter")),
                    ),
                ),
            ),
        ),
        ("netlink(7)", "capabilities(7)"),
    ),
    Threat(
        "read-cloud-metadata",
        Family.NETWORK,
        Severity.HIGH,
        msg("Get the machine's cloud credentials"),
        msg("Could get this machine's cloud credentials from the metadata service at 169.254.169.254."),
        msg("With them it acts as this machine in the cloud: storage, secrets, other machines."),
        msg("Require IMDSv2 with a hop limit of 1, or block that address."),
        "namespaces",
        (direct("connect(169.254.169.254)", RouteOut(), *connecting(AF_INET, AF_INET6), Feature("cloud")),),
        ("ip(7)",),
    ),
    Threat(
        "bind-low-port",
        Family.NETWORK,
        Severity.LOW,
        msg("Listen on a low port"),
        msg("Could listen on a port below 1024, where others expect a system service."),
        msg("In the host's network it can pose as such a service; in its own it harms nobody."),
        msg(
            "Drop NET_BIND_SERVICE. On Docker, where all ports are unprivileged, also set --sysctl "
            "net.ipv4.ip_unprivileged_port_start=1024."
        ),
        "capabilities",
        (direct("bind(port 80)", calls("bind", "socketcall"), LowPort()),),
        ("ip(7)", "capabilities(7)"),
    ),
    Threat(
        "use-reserved-right",
        Family.NETWORK,
        Severity.LOW,
        msg("Hold an unused capability"),
        msg("Holds NET_BROADCAST, which Linux defines but checks nowhere today."),
        msg("Nothing now; a future kernel may give it a meaning."),
        msg("Drop NET_BROADCAST: nothing needs it."),
        "capabilities",
        (direct("(nothing asks for it)", own("NET_BROADCAST")),),
        ("capabilities(7)",),
    ),
)
