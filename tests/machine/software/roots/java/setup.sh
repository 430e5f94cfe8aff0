useradd -r tomcat 2>/dev/null || true
cd /srv/tomcat
cp /etc/tomcat10/web.xml conf/
mkdir -p work temp logs
