#!/bin/sh
# The files that compose.secure.yaml and compose.two.yaml mount: makes those that are missing, and
# touches none that is there.
#
#   docker/make-secrets.sh [FOLDER]      FOLDER: docker/secrets
#
#   database-password   drawn
#   tokens              without any token: `waypost token` makes them
#   tls-certificate     for this machine alone, signed by itself: put yours in its place
#   tls-key
#
# The folder is closed to other users of this machine, and the files in it are open to those of the
# containers: compose gives a file to a container as it is. Run by root, what only Waypost reads is
# Waypost's.
set -eu
folder=${1:-$(dirname "$0")/secrets}
USER_ID=10001 # of the image
DAYS=365

umask 077
mkdir -p "$folder"
chmod 0700 "$folder"
cd "$folder"

keep() { # FILE shared|own: puts it in its place, whole
    chmod 0644 "$1.new"
    if [ "$2" = own ] && [ "$(id -u)" = 0 ]; then
        chown "$USER_ID:$USER_ID" "$1.new"
        chmod 0400 "$1.new"
    fi
    mv "$1.new" "$1"
    echo "made $folder/$1"
}

if [ ! -e database-password ]; then
    od -A n -v -t x1 -N 24 /dev/urandom | tr -d ' \n' >database-password.new
    keep database-password shared
fi
if [ ! -e tokens ]; then
    echo '# NAME ROLE SHA256HEX: the second line that waypost token prints' >tokens.new
    keep tokens own
fi
if [ ! -e tls-certificate ] && [ ! -e tls-key ]; then
    command -v openssl >/dev/null || {
        echo "without openssl: put a tls-certificate and its tls-key into $folder yourself" >&2
        exit 1
    }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$DAYS" \
        -subj "/CN=$(hostname)" -addext "subjectAltName=DNS:$(hostname),DNS:localhost,IP:127.0.0.1" \
        -keyout tls-key.new -out tls-certificate.new 2>openssl.log || {
        cat openssl.log >&2
        exit 1
    }
    rm openssl.log
    keep tls-key own
    keep tls-certificate shared
fi
