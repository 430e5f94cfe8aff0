# Sourced, not run: copies network, apt and pip configuration into a chroot, to reach the package indexes. Names no host.

# copy_network_config ROOT: copy apt's Acquire settings, pip's configuration, name service, certificates.
copy_network_config() {
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/" 2>/dev/null || true
    for file in /etc/apt/apt.conf.d/*; do
        if grep -q '^ *Acquire::' "$file" 2>/dev/null; then cp "$file" "$1/etc/apt/apt.conf.d/"; fi
    done
    for item in /etc/pip.conf /etc/xdg/pip /usr/local/share/ca-certificates ${PIP_CERT:+"$PIP_CERT"} \
        ${SSL_CERT_FILE:+"$SSL_CERT_FILE"} ${REQUESTS_CA_BUNDLE:+"$REQUESTS_CA_BUNDLE"}; do
        if [ -e "$item" ]; then
            mkdir -p "$1$(dirname "$item")"
            cp -RL "$item" "$1$(dirname "$item")/"
        fi
    done
}

# network_variables: print the proxy, pip and certificate variables as NAME=VALUE, one a line; skip values with spaces.
network_variables() {
    env | grep -iE '^(PIP_[A-Z_]+|https?_proxy|no_proxy|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE)=[^ ]*$' || true
}
