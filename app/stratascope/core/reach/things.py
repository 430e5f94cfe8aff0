"""Everything that is asked about: a row a kind. Where files and sockets of a kind lie is in
`collector/reach_places.py`; what decides a row that no file decides is in `usecases/reach/`.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.reach.row import Access, Group, Thing
from stratascope.core.severity import Severity

_CRITICAL, _HIGH, _MEDIUM, _LOW = Severity
# What others reach of it, by from where
FROM_OUTSIDE, FROM_CONTAINERS, FROM_MACHINE = "published-ports", "ports-from-containers", "ports-from-machine"
INWARD = (FROM_OUTSIDE, FROM_CONTAINERS, FROM_MACHINE)


def _credential(name: str, severity: Severity, text: Message, can: Message) -> Thing:
    return Thing(name, "credential", Group.CREDENTIALS, Access.READ, severity, text, can)


def _socket(name: str, severity: Severity, text: Message, can: Message) -> Thing:
    return Thing(name, "socket", Group.SOCKETS, Access.CONNECT, severity, text, can)


def _network(name: str, severity: Severity, text: Message, can: Message) -> Thing:
    return Thing(name, "network", Group.NETWORK, Access.CONNECT, severity, text, can)


def _file(name: str, access: Access, severity: Severity, text: Message, can: Message) -> Thing:
    return Thing(name, "file", Group.FILES, access, severity, text, can)


def _process(name: str, access: Access, severity: Severity, text: Message, can: Message) -> Thing:
    return Thing(name, "process", Group.PROCESSES, access, severity, text, can)


THINGS = (
    _credential("ssh-keys", _CRITICAL, msg("SSH keys"), msg("It can read your SSH keys.")),
    _credential("gpg", _HIGH, msg("GPG keys"), msg("It can read your GPG keys.")),
    _credential("aws", _CRITICAL, msg("AWS credentials"), msg("It can read your AWS credentials.")),
    _credential(
        "gcloud", _CRITICAL, msg("Google Cloud credentials"), msg("It can read your Google Cloud credentials.")
    ),
    _credential("azure", _CRITICAL, msg("Azure credentials"), msg("It can read your Azure credentials.")),
    _credential("kube", _CRITICAL, msg("Kubernetes credentials"), msg("It can read your Kubernetes credentials.")),
    _credential("docker-login", _HIGH, msg("Registry logins"), msg("It can read your Docker and Podman logins.")),
    _credential("gh", _HIGH, msg("GitHub and GitLab tokens"), msg("It can read your GitHub or GitLab token.")),
    _credential("git-credentials", _HIGH, msg("Git passwords"), msg("It can read the passwords that Git has stored.")),
    _credential("netrc", _HIGH, msg("Passwords in .netrc"), msg("It can read the passwords in your .netrc.")),
    _credential("npm", _HIGH, msg("npm token"), msg("It can read your npm token.")),
    _credential("pypi", _HIGH, msg("PyPI token"), msg("It can read your PyPI token.")),
    _credential("cargo", _HIGH, msg("crates.io token"), msg("It can read your crates.io token.")),
    _credential(
        "package-tokens", _HIGH, msg("Other package tokens"), msg("It can read tokens of your package managers.")
    ),
    _credential("deploy-tokens", _HIGH, msg("Deployment tokens"), msg("It can read tokens of your deployment tools.")),
    _credential("database-passwords", _HIGH, msg("Database passwords"), msg("It can read your database passwords.")),
    _credential("keyring", _HIGH, msg("Desktop keyrings"), msg("It can read the files of your desktop keyrings.")),
    _credential(
        "password-store", _HIGH, msg("Password managers"), msg("It can read the files of your password manager.")
    ),
    _credential(
        "browser", _CRITICAL, msg("Browser sign-ins"), msg("It can read your browser's passwords and cookies.")
    ),
    _credential("dotenv", _HIGH, msg("Secrets in .env files"), msg("It can read your .env files.")),
    _credential("shell-history", _MEDIUM, msg("Shell history"), msg("It can read your shell history.")),
    _credential(
        "agent-settings",
        _HIGH,
        msg("AI agents' tokens and settings"),
        msg("It can read the tokens and settings of your AI agents."),
    ),
    _credential("shadow", _CRITICAL, msg("Password hashes"), msg("It can read this machine's password hashes.")),
    _credential(
        "host-ssh-keys", _HIGH, msg("This machine's SSH keys"), msg("It can read this machine's own SSH keys.")
    ),
    _credential("tls-keys", _HIGH, msg("TLS keys"), msg("It can read this machine's TLS keys.")),
    _credential(
        "network-secrets", _HIGH, msg("Wi-Fi and VPN secrets"), msg("It can read this machine's Wi-Fi and VPN secrets.")
    ),
    _socket("docker-socket", _CRITICAL, msg("Docker socket"), msg("It can give orders to Docker.")),
    _socket("podman-socket", _CRITICAL, msg("Podman socket"), msg("It can give orders to Podman.")),
    _socket(
        "containerd-socket",
        _CRITICAL,
        msg("containerd, CRI-O or BuildKit"),
        msg("It can give orders to containerd, CRI-O or BuildKit."),
    ),
    _socket(
        "machine-sockets",
        _CRITICAL,
        msg("Virtual machines and Incus"),
        msg("It can give orders to Incus, LXD, libvirt or snapd."),
    ),
    _socket("ssh-agent", _HIGH, msg("SSH agent"), msg("It can sign with your SSH agent.")),
    _socket("gpg-agent", _HIGH, msg("GPG agent"), msg("It can sign and decrypt with your GPG agent.")),
    _socket("session-bus", _HIGH, msg("Desktop bus"), msg("It can give orders to your desktop session.")),
    _socket("system-bus", _MEDIUM, msg("System bus"), msg("It can call the services of this machine over D-Bus.")),
    _socket("systemd-private", _CRITICAL, msg("systemd's own socket"), msg("It can reach systemd's own socket.")),
    _socket("wayland", _MEDIUM, msg("Screen (Wayland)"), msg("It can open windows on your screen.")),
    _socket("x11", _HIGH, msg("Screen and keyboard (X11)"), msg("It can see your screen and what you type, over X11.")),
    _socket("pipewire", _MEDIUM, msg("Sound and camera"), msg("It can use your microphone, sound and screen sharing.")),
    _socket("vscode", _HIGH, msg("VS Code"), msg("It can give orders to your VS Code.")),
    _socket("terminals", _HIGH, msg("Terminal sessions"), msg("It can type into your tmux or screen sessions.")),
    _socket("journal", _LOW, msg("System log"), msg("It can write to the system log.")),
    _socket(
        "abstract-sockets", _HIGH, msg("Abstract sockets"), msg("It can connect to abstract sockets of this machine.")
    ),
    _network("internet", _MEDIUM, msg("Internet"), msg("It can reach the internet.")),
    _network("proxy", _MEDIUM, msg("Internet, through a proxy"), msg("It can reach the internet through a proxy.")),
    _network("lan", _MEDIUM, msg("Local network"), msg("It can reach your local network.")),
    _network(
        "host-loopback",
        _HIGH,
        msg("This machine's localhost"),
        msg("It can reach services on this machine's localhost."),
    ),
    _network("metadata", _HIGH, msg("Cloud metadata"), msg("It can ask the cloud's metadata service.")),
    _network(
        "other-containers", _LOW, msg("Neighbours on its network"), msg("It can reach other containers on its network.")
    ),
    _network(FROM_OUTSIDE, _MEDIUM, msg("Ports, from other machines"), msg("Other machines can reach its ports.")),
    _network(
        FROM_CONTAINERS,
        _LOW,
        msg("Ports, from neighbours"),
        msg("Other containers can reach its ports."),
    ),
    _network(FROM_MACHINE, _LOW, msg("Ports, from this machine"), msg("Programs of this machine can reach its ports.")),
    _file("home-read", Access.READ, _HIGH, msg("Your home folder"), msg("It can look through your home folder.")),
    _file(
        "home-write",
        Access.WRITE,
        _CRITICAL,
        msg("Your home folder, writing"),
        msg("It can write to your home folder."),
    ),
    _file(
        "project", Access.WRITE, _LOW, msg("Folders of yours that it was given"), msg("It can change folders of yours.")
    ),
    _file(
        "system-write",
        Access.WRITE,
        _CRITICAL,
        msg("System folders, writing"),
        msg("It can write to this machine's system folders."),
    ),
    _file("host-disks", Access.READ, _CRITICAL, msg("Disks"), msg("It can read this machine's disks directly.")),
    _process(
        "outside-sandbox",
        Access.START,
        _HIGH,
        msg("Commands outside of its sandbox"),
        msg("It runs a command outside of its sandbox."),
    ),
    _process(
        "host-processes",
        Access.SEE,
        _MEDIUM,
        msg("Processes of this machine"),
        msg("It sees the processes of this machine."),
    ),
    _process(
        "signal-others",
        Access.SIGNAL,
        _MEDIUM,
        msg("Stopping other processes"),
        msg("It can stop processes outside of it."),
    ),
    _process(
        "trace-others",
        Access.READ,
        _CRITICAL,
        msg("Memory of other processes"),
        msg("It can look into processes outside of it."),
    ),
    Thing(
        "devices",
        "device",
        Group.DEVICES,
        Access.READ,
        _HIGH,
        msg("Keyboard, screen and other devices"),
        msg("It can use devices of this machine."),
    ),
    Thing(
        "set-uid",
        "privilege",
        Group.PRIVILEGE,
        Access.START,
        _MEDIUM,
        msg("Becoming root by a set-uid program"),
        msg("It can become root inside by a set-uid program."),
    ),
    Thing(
        "sudo",
        "privilege",
        Group.PRIVILEGE,
        Access.START,
        _HIGH,
        msg("Commands as root by sudo"),
        msg("It can start commands as root by sudo, without a password."),
    ),
    Thing(
        "new-user-namespace",
        "privilege",
        Group.PRIVILEGE,
        Access.START,
        _LOW,
        msg("User namespaces of its own"),
        msg("It can make user namespaces, and be root in them."),
    ),
    Thing(
        "secret-names",
        "secret-name",
        Group.SECRETS,
        Access.READ,
        _MEDIUM,
        msg("Secrets in its environment"),
        msg("It has secrets in its environment."),
    ),
)
BY_ID = {thing.id: thing for thing in THINGS}
