install -d -o postgres -g postgres -m 3777 /var/run/postgresql
# What the packages put into the data folders would be copied into each volume
rm -rf /var/lib/mysql/* /var/lib/ldap/*
install -d -o openldap -g openldap /run/slapd
install -d -o mysql -g mysql /run/mysqld
install -d -o redis -g redis /data
install -d -o beanstalkd -g beanstalkd /var/lib/beanstalkd
rm -f /etc/mysql/debian-start
