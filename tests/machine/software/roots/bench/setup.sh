useradd -m -s /bin/bash app
useradd -m -s /bin/bash other
useradd -r -m -d /srv/git git
printf 'app:secret\nother:other-secret\n' | chpasswd
chmod 0440 /etc/sudoers.d/table
# File capabilities, as packages of network tools set them
tcc -o /usr/local/bin/raw /usr/local/src/raw.c
setcap cap_net_raw=ep /usr/local/bin/raw
install -d /usr/local/lib/web
cp /bin/busybox /usr/local/lib/web/httpd
setcap cap_net_bind_service=ep /usr/local/lib/web/httpd
install -d -o app -g app /var/lib/box /var/lib/php-notes
install -d /var/lib/builds /var/lib/ruby-notes
install -d -m 0700 /var/lib/accounts
install -d -o other -g other /var/lib/worker
su git -s /bin/sh -c 'git init -q --bare /srv/git/table.git'
cp /usr/local/src/post-receive /srv/git/table.git/hooks/post-receive
chown git: /srv/git/table.git/hooks/post-receive
mkdir -p /var/run/vsftpd/empty
