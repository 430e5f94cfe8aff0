#!/bin/sh
# The build itself, in the root folder of Debian 12 that build.sh prepares: /build/checkout becomes /build/AppImage.
#
# Three parts: the Python packages in /opt/venv (kept for the next build), the runtime in C, and the AppDir: what
# PyInstaller collects, the desktop's files, and the licences of what comes from Debian.

set -eu
cd /build/checkout
umask 022
export SOURCE_DATE_EPOCH PYTHONHASHSEED=0 LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
id=io.github.stratascope.Stratascope

say() { echo "stratascope: $*"; }

# The marker holds what /opt/venv was made from.
wanted=$(python3 -VV && cat packaging/hashes/*.txt && grep "pip install" -A 2 "$0")
if [ ! -f /opt/venv/.made-from ] || [ "$(cat /opt/venv/.made-from)" != "$wanted" ]; then
    say "installing the Python packages (the first time this takes a minute)"
    rm -rf /opt/venv
    update-ca-certificates >/dev/null 2>&1 || true
    python3 -m venv /opt/venv
    env -u PYTHONDONTWRITEBYTECODE /opt/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes \
        --only-binary :all: -r packaging/hashes/build.txt -r packaging/hashes/program.txt \
        -r packaging/hashes/appimage.txt
    printf '%s\n' "$wanted" >/opt/venv/.made-from
fi

say "building the runtime"
gcc -std=c11 -O2 -Wall -Wextra -Werror -static -s -Wl,--build-id=none -Wl,--no-warnings "-DVERSION=\"$VERSION\"" \
    -ffile-prefix-map=/build/checkout/= -o /build/runtime packaging/appimage/runtime.c packaging/appimage/mount.c \
    packaging/appimage/unpack.c packaging/appimage/squashfs.c -lsquashfuse_ll -lfuse3 -lzstd -lz -llzma -lpthread
printf 'AI\002' | dd of=/build/runtime bs=1 seek=8 conv=notrunc status=none # type 2

say "building the attempts"
python3 app/stratascope/attempts/build.py /build/attempts

say "collecting the program"
/opt/venv/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --no-compile \
    --target /build/site . # for what is said about it: version, licence
# The modules are stored, not compressed: mksquashfs does that better below, and reading them again takes less time.
PYINSTALLER_ZLIB_COMPRESSION_LEVEL=0 PYTHONPATH=app:/build/site /opt/venv/bin/pyinstaller --log-level ERROR --noconfirm --distpath /build/collected --workpath /build/work \
    packaging/appimage/stratascope.spec

app=/build/AppDir
share=$app/usr/share
mkdir -p $app/usr/bin $app/usr/lib $share
mv /build/collected/stratascope $app/usr/lib/stratascope
ln -s usr/lib/stratascope/stratascope $app/AppRun
ln -s ../lib/stratascope/stratascope $app/usr/bin/stratascope

# The desktop's files: at the root of the AppDir, where AppImage tools look, and where they would be installed.
install -D -m 644 packaging/desktop/$id.desktop $share/applications/$id.desktop
install -D -m 644 packaging/metainfo/$id.metainfo.xml $share/metainfo/$id.metainfo.xml
ln -s $id.metainfo.xml $share/metainfo/$id.appdata.xml # the name that older tools look for
mkdir -p $share/icons
cp -R resources/icons/hicolor $share/icons/
cp $share/applications/$id.desktop $share/icons/hicolor/scalable/apps/$id.svg $app/
ln -s $id.svg $app/.DirIcon

# Licences: the Python packages bring theirs; here are those of Debian's parts, and of what the runtime is linked with.
# They are among the resources, where the program finds them to show them. Beside them lies the list of parts, and the
# list of all that the root folder was made of, which one would need to build the same bytes again.
licences=$app/usr/lib/stratascope/_internal/stratascope/_resources/licences
mkdir -p $licences $share/doc
ln -s ../../lib/stratascope/_internal/stratascope/_resources/licences $share/doc/stratascope
{
    echo libc6 libfuse3-dev libsquashfuse-dev libzstd-dev liblzma-dev zlib1g-dev libpython3.11-minimal | tr ' ' '\n'
    find $app -name '*.so*' -type f | sed 's,.*/,,' | sort -u | while read -r name; do
        dpkg-query -S "*/$name" 2>/dev/null | sed 's/:.*//' | head -n 1
    done
} | sort -u >/build/shipped.txt
while read -r package; do
    if [ -f "/usr/share/doc/$package/copyright" ]; then
        cp -L "/usr/share/doc/$package/copyright" "$licences/$package.txt"
    fi
    awk -v name="$package" '$1 == name' /debian-packages.txt >>/build/shipped-debian.txt
done </build/shipped.txt
cp /debian-packages.txt $licences/debian-packages.list
PYTHONPATH=/build/site /opt/venv/bin/python packaging/release/sbom.py appimage $licences/sbom.cdx.json \
    --also pyinstaller --debian /build/shipped-debian.txt # of PyInstaller, what starts it is in the bundle

say "packing"
find $app -type d -exec chmod 755 {} + -o -type f -perm /111 -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
env -u SOURCE_DATE_EPOCH mksquashfs $app /build/squashfs -comp zstd -Xcompression-level 22 -b 256K -root-owned -noappend -no-xattrs -quiet \
    -no-progress -mkfs-time "$SOURCE_DATE_EPOCH" -all-time "$SOURCE_DATE_EPOCH"
cat /build/runtime /build/squashfs >/build/AppImage
chmod 755 /build/AppImage
