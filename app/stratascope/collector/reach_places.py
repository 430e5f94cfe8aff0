"""Where credentials, private files and sockets lie on a machine that lend their reader another's rights: a row a kind.

`~` is a home directory and `$RUN` the folder of its user below /run/user; `*` stands for names in one folder, those
with a dot in front too. What is no secret (`PUBLIC`) is left out of a folder's names.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple


class Places(NamedTuple):
    """One kind. `what`: f for files that are read, s for sockets that are connected to, d for folders."""

    id: str
    what: str
    paths: Tuple[str, ...]


def _below(folder: str, *names: str) -> Tuple[str, ...]:
    return tuple("%s/%s" % (folder, name) for name in names)


_FIREFOX = (
    "~/.mozilla/firefox",
    "~/snap/firefox/common/.mozilla/firefox",
    "~/.var/app/org.mozilla.firefox/.mozilla/firefox",
)
_CHROMES = (
    *(
        "~/.config/google-chrome",
        "~/.config/chromium",
        "~/.config/BraveSoftware/Brave-Browser",
        "~/.config/microsoft-edge",
    ),
    *("~/.config/vivaldi", "~/snap/chromium/common/chromium"),
)
_STORES = ("logins.json", "key4.db", "cookies.sqlite")

FILES = (
    Places("ssh-keys", "f", ("~/.ssh/*",)),
    Places("gpg", "f", ("~/.gnupg/private-keys-v1.d/*", "~/.gnupg/secring.gpg")),
    Places("aws", "f", ("~/.aws/credentials", "~/.aws/sso/cache/*", "~/.aws/cli/cache/*")),
    Places(
        "gcloud",
        "f",
        (
            *_below("~/.config/gcloud", "credentials.db", "access_tokens.db", "application_default_credentials.json"),
            "~/.config/gcloud/legacy_credentials/*/adc.json",
        ),
    ),
    Places(
        "azure",
        "f",
        _below(
            "~/.azure",
            "msal_token_cache.json",
            "msal_token_cache.bin",
            "accessTokens.json",
            "service_principal_entries.*",
        ),
    ),
    Places("kube", "f", ("~/.kube/config", "/etc/kubernetes/*.conf", "/etc/rancher/k3s/k3s.yaml")),
    Places(
        "docker-login",
        "f",
        (
            "~/.docker/config.json",
            "~/.config/containers/auth.json",
            "$RUN/containers/auth.json",
            "/run/containers/0/auth.json",
        ),
    ),
    Places("gh", "f", ("~/.config/gh/hosts.yml", "~/.config/hub", "~/.config/glab-cli/config.yml")),
    Places("git-credentials", "f", ("~/.git-credentials", "~/.config/git/credentials")),
    Places("netrc", "f", ("~/.netrc", "~/.authinfo", "~/.authinfo.gpg")),
    Places("npm", "f", ("~/.npmrc", "~/.yarnrc", "~/.yarnrc.yml")),
    Places("pypi", "f", ("~/.pypirc", "~/.config/pypoetry/auth.toml")),
    Places("cargo", "f", ("~/.cargo/credentials.toml", "~/.cargo/credentials")),
    Places(
        "package-tokens",
        "f",
        (
            "~/.gem/credentials",
            "~/.m2/settings.xml",
            "~/.gradle/gradle.properties",
            "~/.composer/auth.json",
            "~/.nuget/NuGet/NuGet.Config",
        ),
    ),
    Places(
        "deploy-tokens",
        "f",
        (
            "~/.terraform.d/credentials.tfrc.json",
            "~/.vault-token",
            "~/.config/rclone/rclone.conf",
            "~/.config/doctl/config.yaml",
            "~/.fly/config.yml",
            "~/.netlify/config.json",
        ),
    ),
    Places("database-passwords", "f", ("~/.pgpass", "~/.my.cnf", "~/.mylogin.cnf")),
    Places("keyring", "f", ("~/.local/share/keyrings/*", "~/.local/share/kwalletd/*")),
    Places(
        "password-store",
        "f",
        ("~/.password-store/*", "~/.config/op/config", "~/.config/Bitwarden/data.json", "~/.local/share/keepassxc/*"),
    ),
    Places(
        "browser",
        "f",
        (
            *("%s/*/%s" % (folder, name) for folder in _FIREFOX for name in _STORES),
            *("%s/*/%s" % (folder, name) for folder in _CHROMES for name in ("Login Data", "Cookies")),
        ),
    ),
    Places("dotenv", "f", ("~/.env", "~/*/.env", "~/*/.env.local", "~/*/*/.env", "~/*/*/.env.local")),
    Places(
        "shell-history",
        "f",
        (
            *_below(
                "~", ".bash_history", ".zsh_history", ".histfile", ".python_history", ".psql_history", ".mysql_history"
            ),
            *("~/.sqlite_history", "~/.node_repl_history", "~/.local/share/fish/fish_history"),
        ),
    ),
    Places(
        "agent-settings",
        "f",
        (
            *("~/.codex/auth.json", "~/.codex/config.toml", "~/.claude/.credentials.json", "~/.claude.json"),
            *("~/.claude/settings.json", "~/.gemini/oauth_creds.json", "~/.gemini/settings.json", "~/.gemini/.env"),
            *(
                "~/.local/share/opencode/auth.json",
                "~/.config/opencode/opencode.json",
                "~/.config/github-copilot/*.json",
            ),
            *(
                "~/.copilot/config.json",
                "~/.cursor/mcp.json",
                "~/.continue/config.yaml",
                "~/.aider.conf.yml",
                "~/.qwen/oauth_creds.json",
            ),
        ),
    ),
    Places("shadow", "f", ("/etc/shadow", "/etc/gshadow")),
    Places("host-ssh-keys", "f", ("/etc/ssh/ssh_host_*_key",)),
    Places(
        "tls-keys",
        "f",
        (
            "/etc/ssl/private/*",
            "/etc/letsencrypt/archive/*/privkey*.pem",
            "/etc/pki/tls/private/*",
            "/etc/nginx/ssl/*.key",
        ),
    ),
    Places(
        "network-secrets",
        "f",
        (
            "/etc/NetworkManager/system-connections/*",
            "/etc/wireguard/*.conf",
            "/etc/wpa_supplicant/*.conf",
            "/etc/krb5.keytab",
            "/etc/ppp/chap-secrets",
        ),
    ),
    Places(
        "docker-socket",
        "s",
        ("/run/docker.sock", "$RUN/docker.sock", "~/.docker/run/docker.sock", "~/.docker/desktop/docker.sock"),
    ),
    Places("podman-socket", "s", ("/run/podman/podman.sock", "$RUN/podman/podman.sock")),
    Places(
        "containerd-socket",
        "s",
        (
            *("/run/containerd/containerd.sock", "/run/docker/containerd/containerd.sock", "/run/crio/crio.sock"),
            *("/run/k3s/containerd/containerd.sock", "/run/buildkit/buildkitd.sock", "$RUN/buildkit/buildkitd.sock"),
        ),
    ),
    Places(
        "machine-sockets",
        "s",
        ("/var/lib/incus/unix.socket", "/var/lib/lxd/unix.socket", "/run/libvirt/libvirt-sock", "/run/snapd.socket"),
    ),
    Places(
        "ssh-agent",
        "s",
        (
            *(
                "/tmp/ssh-*/agent.*",
                "~/.ssh/agent/*",
                "$RUN/ssh-agent.socket",
                "$RUN/ssh-agent",
                "$RUN/keyring/ssh",
                "$RUN/gcr/ssh",
            ),
            *("$RUN/openssh_agent", "$RUN/gnupg/S.gpg-agent.ssh", "~/.gnupg/S.gpg-agent.ssh"),
        ),
    ),
    Places(
        "gpg-agent",
        "s",
        (
            "$RUN/gnupg/S.gpg-agent",
            "$RUN/gnupg/S.gpg-agent.extra",
            "~/.gnupg/S.gpg-agent",
            "~/.gnupg/S.gpg-agent.extra",
        ),
    ),
    Places("session-bus", "s", ("$RUN/bus", "$RUN/at-spi/bus*")),
    Places("system-bus", "s", ("/run/dbus/system_bus_socket",)),
    Places("systemd-private", "s", ("/run/systemd/private", "$RUN/systemd/private")),
    Places("wayland", "s", ("$RUN/wayland-*",)),
    Places("x11", "s", ("/tmp/.X11-unix/X*",)),
    Places("pipewire", "s", ("$RUN/pipewire-*", "$RUN/pulse/native")),
    Places("vscode", "s", ("$RUN/vscode-*.sock", "/tmp/vscode-*.sock")),
    Places("terminals", "s", ("/tmp/tmux-*/*", "/run/screen/S-*/*")),
    Places(
        "journal", "s", ("/run/systemd/journal/socket", "/run/systemd/journal/stdout", "/run/systemd/journal/dev-log")
    ),
    Places("home", "d", ("~",)),
    Places("system", "d", ("/etc", "/usr", "/usr/bin", "/boot", "/root", "/var/lib", "/opt")),
)

PUBLIC = ("*.pub", "known_hosts*", "authorized_keys*", "config", "environment", "README*", "*.snakeoil*")
