install -o root -g bind -m 0640 /etc/bind/table.zone /var/cache/bind/db.box.test
chown bind: /var/cache/bind/db.box.test
chmod 0644 /etc/bind/rndc.key
openssl req -x509 -newkey rsa:2048 -nodes -days 9000 -subj /CN=site -keyout /etc/stunnel/key.pem -out /etc/stunnel/cert.pem 2>/dev/null
chown root:stunnel4 /etc/stunnel/key.pem
chmod 0640 /etc/stunnel/key.pem
rm -f /etc/mosquitto/mosquitto.conf
install -d -o mosquitto -g mosquitto /var/lib/mosquitto /var/log/mosquitto /run/mosquitto
install -d -o irc -g irc /run/ngircd
install -d -o stunnel4 -g stunnel4 /var/lib/stunnel4 /var/log/stunnel4
id dnsmasq >/dev/null 2>&1 || useradd -r -d /var/lib/misc -s /usr/sbin/nologin dnsmasq
install -d -o bind -g bind /run/named
install -d -o dnsmasq /run/dnsmasq /var/lib/misc
install -d /data
echo '10.9.8.1 first.box.test' >/data/hosts
useradd -r app
install -d -o nsd -g nsd /srv/nsd/zones /srv/nsd/db /srv/nsd/run
install -o nsd -g nsd -m 0644 /etc/bind/table.zone /srv/nsd/zones/box.test.zone
rm -rf /etc/unbound/unbound.conf.d
install -d -o unbound -g unbound /etc/unbound/var
install -d -o nobody -g nogroup /srv/share
install -d -o app -g app /home/share-app
chmod 0600 /etc/rsyncd.secrets
install -d -o nats -g nats /var/lib/nats
