useradd -m -s /bin/bash app
useradd -m -s /bin/bash other
printf 'app:secret\nother:other-secret\n' | chpasswd
chmod 0440 /etc/sudoers.d/table
ssh-keygen -q -t ed25519 -N '' -f /opt/client-key
chmod 0644 /opt/client-key
install -d -o app -g app -m 0700 /home/app/.ssh
install -o app -g app -m 0600 /opt/client-key.pub /home/app/.ssh/authorized_keys
install -d -o app -g app /data
chmod 0644 /etc/cron.d/table
install -d -o app -g app /var/log/remote
rm -f /etc/rsyslog.conf.orig
sed -i '/imklog/d; /\/var\/log\//d; /emerg/d' /etc/rsyslog.conf
sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces='0.0.0.0'/; s/^dc_other_hostnames=.*/dc_other_hostnames='box'/; s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='local'/" /etc/exim4/update-exim4.conf.conf
echo box >/etc/mailname
touch /var/mail/app
chown app:mail /var/mail/app
