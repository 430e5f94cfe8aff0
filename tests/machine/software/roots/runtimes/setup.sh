useradd -m -s /bin/bash app
echo app:secret | chpasswd
install -d /data /var/log/table
echo hidden >/home/app/secret
chown app: /home/app/secret
chmod 0600 /home/app/secret
