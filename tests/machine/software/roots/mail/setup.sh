useradd -m -s /bin/bash app
useradd -m -s /bin/bash other
printf 'app:secret\nother:other-secret\n' | chpasswd
postconf -e 'myhostname = box.test' 'mydestination = box, box.test, localhost' 'inet_interfaces = all' \
    'inet_protocols = ipv4' 'maillog_file = /dev/stdout' 'mail_spool_directory = /var/mail' 'alias_maps =' \
    'default_transport = smtp' 'smtp_host_lookup = native' 'relayhost = [127.0.0.1]:9' 'smtpd_client_connection_count_limit = 0' 'smtpd_peername_lookup = no'
newaliases || true
touch /var/mail/app
chown app:mail /var/mail/app
