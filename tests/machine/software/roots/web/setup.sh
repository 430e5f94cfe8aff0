# As in the official images: logs go to the container's own, and folders are there that a first start would make
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stderr /var/log/nginx/error.log
cd /var/lib/nginx
mkdir -p body fastcgi proxy scgi uwsgi
chown www-data *
chmod 0700 *
a2dismod -q mpm_event
a2enmod -q mpm_prefork cgi rewrite
install -d -o www-data /run/apache2 /run/lock/apache2 /run/lighttpd
install -d -o proxy /run/squid
mkdir -p /run/php /var/www/state /var/cache/lighttpd
chown www-data: /run/php /var/www/state /var/cache/lighttpd
chown proxy: /var/spool/squid
rm /etc/php/8.4/fpm/pool.d/www.conf
sed -i 's#^error_log = .*#error_log = /proc/self/fd/2#' /etc/php/8.4/fpm/php-fpm.conf
