"""Where a host keeps what it runs: as root, by itself or at the next boot, login or update; and as one of its users.

Data only, for the collector and for the layers (`layers/shared/system_places.py`). Lists of paths as Debian, Red Hat,
SUSE, Arch, Alpine and NixOS lay them out, from systemd.unit(5), file-hierarchy(7), cron(8), pam(8), ld.so(8),
apt.conf(5), dpkg(1), polkit(8), dbus-daemon(1), udev(7), modprobe.d(5), sudoers(5), bash(1) and sshd(8). `*` is one
name. Decided against "all of /etc": most of what containers are given of it (hosts, localtime, certificates) runs
nothing.
"""

from __future__ import annotations

from typing import Tuple

_OF_ETC = """
    anacrontab at.allow cron.allow cron.d cron.daily cron.deny cron.hourly cron.monthly cron.weekly cron.yearly crontab
    crontabs periodic
    group gshadow login.defs passwd securetty shadow subgid subuid
    doas.conf doas.d krb5.conf krb5.conf.d nsswitch.conf pam.conf pam.d polkit-1 request-key.conf request-key.d security
    ssh sudo.conf sudoers sudoers.d
    ld-musl-aarch64.path ld-musl-x86_64.path ld.so.cache ld.so.conf ld.so.conf.d ld.so.preload
    bash.bash_logout bash.bashrc bash_completion.d bashrc csh.cshrc csh.login csh.logout environment environment.d fish
    inputrc ksh.kshrc profile profile.d zlogin zprofile zsh zshenv zshrc
    conf.d default init init.d inittab local.d rc rc.conf rc.d rc.local rc0.d rc1.d rc2.d rc3.d rc4.d rc5.d rc6.d rcS.d
    runit s6 s6-rc service sv sysconfig systemd xdg
    binfmt.d dbus-1 depmod.d hotplug.d kernel modprobe.conf modprobe.d modules modules-load.d sysctl.conf sysctl.d
    sysusers.d tmpfiles.d udev
    NetworkManager dhcp dhcpcd.conf dhcpcd.enter-hook dhcpcd.exit-hook ifplugd ipsec.conf network networkd-dispatcher
    openvpn ppp resolvconf resolvconf.conf strongswan.d swanctl udhcpc wireguard wpa_supplicant
    alternatives apk apt dnf dpkg pacman.conf pacman.d portage rpm unattended-upgrades yum yum.conf yum.repos.d zypp
    dracut.conf dracut.conf.d grub.d grub2.cfg initcpio initramfs-tools mkinitcpio.conf mkinitcpio.d mkinitfs
    update-extlinux.conf update-extlinux.d
    X11 acpi apm auto.master auto.master.d autofs autofs.conf crypttab fstab hosts.allow hosts.deny inetd.conf inetd.d
    laptop-mode logrotate.conf logrotate.d lvm mdadm mdadm.conf multipath.conf needrestart pm smartd.conf smartmontools
    tlp.conf tlp.d update-motd.d xinetd.conf xinetd.d
    aliases audit exim exim4 letsencrypt mail monit monitrc nagios postfix rsyslog.conf rsyslog.d samba snmp syslog-ng
    zabbix
    apparmor apparmor.d selinux
    cdi cni containerd containers crictl.yaml crio docker incus kubernetes libvirt lxc lxd nvidia-container-runtime
    nvidia-container-toolkit qemu rancher
    ansible chef cloud puppet puppetlabs salt
    gdm gdm3 lightdm sddm sddm.conf sddm.conf.d
    java* node perl python python2.7 python3 python3.* ruby
    nixos static
"""
_OF_USR = """
    bin etc games lib lib* libexec sbin src
    share/apport share/bash-completion share/bug share/cni share/cockpit share/containers share/dbus-1 share/debconf
    share/defaults share/dkms share/dnf share/dracut share/factory share/fish share/gdb share/glib-2.0 share/grub
    share/initramfs-tools share/java share/kernel share/keyrings share/libalpm share/mkinitcpio share/nodejs share/npm
    share/pam-configs share/perl share/perl5 share/polkit-1 share/python* share/ruby share/runit share/systemd
    share/unattended-upgrades share/update-notifier share/vim share/wayland-sessions share/xsessions share/zsh
"""
_OF_RUN = """
    systemd/generator systemd/generator.early systemd/generator.late systemd/incoming systemd/network systemd/nspawn
    systemd/propagate systemd/system systemd/system-environment-generators systemd/system-generators
    systemd/system-shutdown systemd/system.attached systemd/system.conf.d systemd/system.control systemd/sysupdate.d
    systemd/transient systemd/user systemd/user-generators systemd/user.conf.d systemd/user.control
    binfmt.d dbus-1 initramfs modprobe.d modules-load.d polkit-1 sysctl.d sysusers.d tmpfiles.d udev/rules.d
    NetworkManager/conf.d NetworkManager/dispatcher.d NetworkManager/system-connections networkd-dispatcher
    atd booted-system cron current-system nixos openrc runit s6 sudo sv user/0 wrappers
    cdi cni containerd containers crio crun docker/containerd docker/plugins docker/runtime-runc libpod podman runc
"""
_OF_VAR = """
    cron opt/*/bin run/docker service spool/anacron spool/at spool/atjobs spool/cron spool/incron
    cache/apt cache/dnf cache/pacman cache/salt
    lib/PackageKit lib/alternatives lib/amazon lib/apt lib/cloud lib/confexts lib/dhcp lib/dhcpcd lib/dkms lib/dpkg
    lib/extensions lib/flatpak lib/gdm lib/gdm3 lib/google lib/incus lib/initramfs-tools lib/libvirt lib/lightdm lib/lxc
    lib/lxd lib/machines lib/nixos lib/pacman lib/pam lib/polkit-1 lib/portables lib/puppet lib/rpm lib/salt lib/sddm
    lib/snapd lib/sudo lib/systemd lib/update-manager lib/update-notifier lib/waagent
"""
# The stores of engines: other containers' files, and the options that they are started with
_ENGINES = """
    buildkit buildkitd cni containerd containers crio docker k0s k3s kubelet microk8s nerdctl rancher
"""
_ROOTS_HOMES = ("/root", "/var/roothome")
# What a login, a shell, a desktop or a common tool reads of its user's home directory, and obeys
_OF_HOME = """
    .bash_aliases .bash_login .bash_logout .bash_profile .bashrc .cshrc .inputrc .kshrc .login .logout .oh-my-zsh
    .profile .tcshrc .zlogin .zlogout .zprofile .zshenv .zshrc
    .forward .k5login .netrc .pam_environment .procmailrc .rhosts .shosts .ssh
    .Xresources .Xsession .dmrc .xinitrc .xprofile .xsession .xsessionrc
    .Rprofile .condarc .direnvrc .emacs .emacs.d .exrc .gdbinit .gitconfig .gnupg .irbrc .lesskey .mailcap .mavenrc
    .nanorc .npmrc .pdbrc .pythonrc .screenrc .tmux.conf .vim .vimrc
    .config/autostart .config/autostart-scripts .config/awesome .config/bash .config/cdi .config/cni .config/containers
    .config/dconf .config/direnv .config/environment.d .config/fish .config/git .config/hypr .config/i3 .config/nvim
    .config/openbox .config/pip .config/plasma-workspace .config/sway .config/systemd .config/tmux
    .config/user-tmpfiles.d .config/zsh
    .local/bin .local/lib .local/share/applications .local/share/bash-completion .local/share/containers
    .local/share/dbus-1 .local/share/docker .local/share/flatpak .local/share/gnome-shell .local/share/nvim
    .local/share/systemd .local/state/nix
    .asdf .cargo/bin .cargo/config.toml .cargo/env .cpan .docker .gem .gradle .guix-profile .kube .linuxbrew .m2
    .nix-defexpr .nix-profile .nvm .pyenv .rbenv .rustup .vscode .vscode-server .yarn/bin bin go/bin perl5
"""


def _below(folder: str, names: str) -> Tuple[str, ...]:
    return tuple([folder + "/" + name for name in names.split()])


SYSTEM = (
    *_below("/etc", _OF_ETC),
    *_below("/usr", _OF_USR),
    *_below("/usr/local", _OF_USR),
    *_below("/var/usrlocal", _OF_USR),
    *_below("/run", _OF_RUN),
    *_below("/var", _OF_VAR),
    *_below("/var/lib", _ENGINES),
    *(place for home in _ROOTS_HOMES for place in _below(home, _OF_HOME)),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/efi", "/init", "/libexec"),
    *("/nix", "/gnu", "/ostree", "/sysroot/ostree", "/snap", "/command", "/package", "/service"),
    *("/opt/bin", "/opt/sbin", "/opt/*/bin", "/opt/*/sbin", "/opt/*/lib", "/opt/cni", "/opt/containerd", "/opt/nvidia"),
    # what the kernel itself starts
    *("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug"),
    "/proc/sys/kernel/poweroff_cmd",
)
# These and what is above them, but not what is below: there a name alone decides (a link in place of a node)
THEMSELVES = ("/dev",)
USERS = (
    *(place for home in ("/home/*", "/var/home/*") for place in _below(home, _OF_HOME)),
    *("/run/user/*/" + name for name in ("systemd", "containers", "docker", "libpod", "crun", "runc", "bus", "podman")),
)
