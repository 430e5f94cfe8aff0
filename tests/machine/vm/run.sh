#!/bin/bash
# The machines for the tests of AppArmor and SELinux: real kernels, systemd and engines, where the developer's own
# machine has neither module. `test_machines.py` calls this; it also serves to look around by hand:
#   VM_BASE=FOLDER tests/machine/vm/run.sh -f selinux -s SHARE SCRIPT
# Decided against KVM only: software emulation works everywhere, and a machine boots in a quarter of a minute.
#
# run.sh [-f apparmor|selinux] [-m MiB] [-s DIR] [-o DIR] [-t SECS] [-a "CMDLINE"] [-w] [-B] SCRIPT [ARGS]
# Builds once, then boots, a Debian 13 VM under TCG.  DIR (-s; default: SCRIPT's folder) is /mnt/share
# (virtiofs, read-only), -o DIR is /mnt/out (writable).  Runs `bash ./SCRIPT ARGS` as root in /mnt/share,
# streams its output to our stdout, exits with its status (70 build, 71 qemu/timeout, 72 no status).
# -w: changes to the disk persist; -B: build only.  Env: VM_BASE, VM_CONSOLE (serial log), KEEP_ROOTFS.
set -euo pipefail
BASE=${VM_BASE:-${XDG_CACHE_HOME:-$HOME/.cache}/stratascope-machines} FL=apparmor MEM=2048 SHARE= OUT= TMO=900 EXTRA= BONLY= SNAP=on
while getopts f:m:s:o:t:a:wB o; do case $o in
 f) FL=$OPTARG;; m) MEM=$OPTARG;; s) SHARE=$(realpath "$OPTARG");; o) OUT=$(realpath "$OPTARG");;
 t) TMO=$OPTARG;; a) EXTRA=$OPTARG;; w) SNAP=off;; B) BONLY=1;; *) exit 64;; esac; done
shift $((OPTIND-1)); I=$BASE/img/$FL; M=${VM_MIRROR:-$(apt-get indextargets --format "\$(SITE)" "Codename: trixie" | grep -v "^file:" | grep -v security | head -1 || true)}
PK=linux-image-cloud-amd64,systemd,systemd-sysv,libpam-systemd,dbus,dbus-user-session,udev,kmod,apparmor
PK=$PK,podman,crun,runc,docker.io,docker-cli,busybox-static,uidmap,passt,slirp4netns,netavark,aardvark-dns
PK=$PK,nftables,iptables,python3,sudo,iproute2,procps,strace,ca-certificates
[ $FL != selinux ] || PK=$PK,selinux-basics,selinux-policy-default,policycoreutils,selinux-utils,semodule-utils
build() { set -e
 local W=$BASE/build/$FL R KV f u a; R=$W/rootfs; rm -rf "$W"; mkdir -p "$W/ird" "$BASE/img"
 mmdebstrap --quiet --mode=root --variant=minbase --format=directory --include="$PK" \
  --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$R" \
  "deb $M trixie main" "deb $M trixie-updates main" "deb $M-security trixie-security main"
 echo vm > "$R/etc/hostname"; echo '127.0.0.1 localhost vm' > "$R/etc/hosts"; : > "$R/etc/machine-id"
 echo '/dev/vda / ext4 rw,noatime 0 0' > "$R/etc/fstab"; mkdir -p "$R/mnt/share" "$R/mnt/out"
 for u in user:1000 other:1001; do chroot "$R" useradd -m -u ${u#*:} -s /bin/bash ${u%:*}; done
 mkdir -p "$R/var/lib/systemd/linger"; : > "$R/var/lib/systemd/linger/user"   # user@1000 runs from boot
 for u in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
  e2scrub_reap.service getty@.service serial-getty@.service netavark-dhcp-proxy.service netavark-dhcp-proxy.socket \
  podman-restart.service podman-auto-update.timer systemd-binfmt.service selinux-autorelabel.service \
  selinux-autorelabel-mark.service; do ln -sf /dev/null "$R/etc/systemd/system/$u"; done
 chroot "$R" systemctl -q disable docker.service docker.socket containerd.service podman.service podman.socket || true
 cat > "$R/usr/local/sbin/vmrun" <<'G'
#!/bin/bash
S=$(sed -n 's/.*vmrun.cmd=\([^ ]*\).*/\1/p' /proc/cmdline | base64 -d); P=/dev/virtio-ports
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ip link add dummy0 type dummy && ip addr add 10.9.9.2/24 dev dummy0 && ip link set dummy0 up &&
 ip route add default via 10.9.9.1      # pasta (rootless podman) wants a default route
mount -t virtiofs -o ro share /mnt/share; mount -t virtiofs out /mnt/out 2>/dev/null
cd /mnt/share; bash -c "$S" >$P/vm.out 2>&1 </dev/null; echo $? >$P/vm.rc
umount /mnt/out 2>/dev/null; umount -l /mnt/share
grep -q vmrun.clean /proc/cmdline && exec systemctl poweroff --no-block   # -w: keep the disk consistent
echo o >/proc/sysrq-trigger; sleep 30
G
 cat > "$R/etc/systemd/system/vmrun.service" <<'G'
[Unit]
After=systemd-user-sessions.service dbus.service systemd-logind.service apparmor.service user@1000.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash /usr/local/sbin/vmrun
[Install]
WantedBy=multi-user.target
G
 mkdir -p "$R/etc/systemd/journald.conf.d"; printf '[Journal]\nStorage=volatile\n' > "$R/etc/systemd/journald.conf.d/v.conf"
 ln -sf ../vmrun.service "$R/etc/systemd/system/multi-user.target.wants/vmrun.service"
 for f in "$R"/etc/apparmor.d/*; do [ -d "$f" ] || case ${f##*/} in  # keep profiles that matter: faster boot
  crun|runc|unprivileged_userns|usr.bin.passt|usr.bin.pasta|slirp4netns) ;; *) rm -f "$f";; esac; done
 local B=$W/bb; mkdir -p "$B"/{bin,etc,proc,sys,dev,tmp,root}; cp "$R/bin/busybox" "$B/bin/"
 for a in sh sleep cat ls id ps; do ln -s busybox "$B/bin/$a"; done
 printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' > "$B/etc/passwd"
 tar -C "$B" --owner=0 --group=0 -cf "$R/opt/bb.tar" .
 cat > "$R/opt/prep.sh" <<'G'
set -x; U='sudo -iu user XDG_RUNTIME_DIR=/run/user/1000'
systemctl start docker; docker import -c 'CMD ["sleep","3600"]' /opt/bb.tar bb
podman import -c 'CMD ["sleep","3600"]' /opt/bb.tar localhost/bb
$U podman import -c 'CMD ["sleep","3600"]' /opt/bb.tar localhost/bb
docker run --rm bb id; podman run --rm localhost/bb id; $U podman run --rm localhost/bb id
docker images; podman images; systemctl --failed; systemctl stop docker.service docker.socket containerd; true
G
 KV=$(ls "$R/lib/modules"); cp "$R/boot/vmlinuz-$KV" "$I.vmlinuz"; rm -f "$R"/boot/initrd*
 mkdir -p "$W/ird/"{bin,dev,root}; cp "$R/bin/busybox" "$W/ird/bin/"
 xz -dc "$R/lib/modules/$KV/kernel/drivers/block/virtio_blk.ko.xz" > "$W/ird/virtio_blk.ko"
 cat > "$W/ird/init" <<'G'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs d /dev; /bin/busybox insmod /virtio_blk.ko
n=0; while [ ! -b /dev/vda ] && [ $n -lt 500 ]; do /bin/busybox usleep 20000; n=$((n+1)); done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox sh
/bin/busybox mount --move /dev /root/dev; exec /bin/busybox switch_root /root /lib/systemd/systemd
G
 chmod 755 "$W/ird/init" "$R/usr/local/sbin/vmrun"
 (cd "$W/ird" && find . | cpio -o -H newc --quiet) > "$I.initrd"
 if [ $FL = selinux ]; then sed -i 's/^SELINUX=.*/SELINUX=permissive/' "$R/etc/selinux/config"
  chroot "$R" setfiles -F /etc/selinux/default/contexts/files/file_contexts /; fi
 mkfs.ext4 -q -F -O ^has_journal -d "$R" "$I.ext4.new" 3G; [ -n "${KEEP_ROOTFS:-}" ] || rm -rf "$W"
}
boot() { # $1=command $2=snapshot on|off $3=share $4=out
 D=$(mktemp -d "$BASE/run/XXXXXX"); trap 'kill $(cat $D/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf $D' EXIT
 local DEV= LSM= n CAT rc=0 CLEAN=; [ $2 = on ] || CLEAN=vmrun.clean
 vfs() { /usr/libexec/virtiofsd --socket-path=$D/$1.s --shared-dir="$2" --inode-file-handles=never $3 >$D/$1.log 2>&1 &
  echo $! >$D/$1.pid; DEV="$DEV -chardev socket,id=c$1,path=$D/$1.s -device vhost-user-fs-pci,chardev=c$1,tag=$1"
  for n in $(seq 100); do [ -S $D/$1.s ] && break; sleep .05; done; }
 vfs share "$3" --readonly; [ -z "$4" ] || vfs out "$4" ""
 mkfifo $D/o; cat $D/o & CAT=$!; [ $FL != selinux ] || LSM='security=selinux enforcing=0'
 TMPDIR=$D nice -n "${VM_NICE:-5}" timeout --foreground -k 5 "$TMO" qemu-system-x86_64 -M q35,accel=tcg,memory-backend=mem,sata=off,i8042=off,smbus=off,hpet=off -cpu max,svm=off,la57=off -smp 2 -m $MEM \
  -object memory-backend-memfd,id=mem,size=${MEM}M,share=on -nodefaults -no-user-config -display none \
  -no-reboot -nic none -kernel $I.vmlinuz -initrd $I.initrd \
  -append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on systemd.show_status=0 $LSM $EXTRA ${CLEAN:-} vmrun.cmd=$(printf %s "$1" | base64 -w0)" \
  -serial "file:${VM_CONSOLE:-$BASE/console.log}" -device virtio-serial-pci \
  -chardev file,id=o,path=$D/o,append=on -device virtserialport,chardev=o,name=vm.out \
  -chardev file,id=r,path=$D/rc -device virtserialport,chardev=r,name=vm.rc \
  -drive file=$I.ext4,format=raw,if=virtio,snapshot=$2,cache=unsafe $DEV </dev/null || rc=71
 [ $rc = 0 ] || kill $CAT 2>/dev/null || true; wait $CAT || true
 [ $rc != 0 ] || rc=$(tr -dc 0-9 <$D/rc | grep . || echo 72); return "$rc"
}
mkdir -p "$BASE/run"
if [ ! -s "$I.ext4" ]; then
 [ -n "$M" ] || { echo "no package source of Debian 13 (trixie) is set up here: name one with VM_MIRROR" >&2; exit 70; }
 echo "building $FL image" >&2; set +e; ( build ) >"$BASE/build-$FL.log" 2>&1; rc=$?; set -e
 [ $rc = 0 ] || { rm -f "$I.ext4.new"; tail -20 "$BASE/build-$FL.log" >&2; exit 70; }
 mv "$I.ext4.new" "$I.ext4"; mkdir -p "$BASE/empty"   # first boot, persistent: caches, machine-id, images
 ( boot "bash /opt/prep.sh" off "$BASE/empty" "" ) >>"$BASE/build-$FL.log" 2>&1 || { mv "$I.ext4" "$I.ext4.bad"; exit 70; }
 e2fsck -fp "$I.ext4" >>"$BASE/build-$FL.log" || [ $? = 1 ]
fi
[ -z "$BONLY" ] || exit 0
S=$1; shift; [ -n "$SHARE" ] || { SHARE=$(dirname "$(realpath "$S")"); S=$(basename "$S"); }
boot "bash ./$S $*" "$SNAP" "$SHARE" "$OUT"
