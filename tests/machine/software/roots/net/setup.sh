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
