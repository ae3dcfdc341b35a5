#!/bin/sh
# usage: make-certificates.sh DIR
#
# ca.pem; cert.pem and key.pem of a server at 127.0.0.1, signed by it; other-ca.pem, which has signed
# nothing.
set -eu
cd "$1"

authority() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1-key.pem" \
        -out "$1.pem"
}

authority ca
authority other-ca
openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout key.pem -out request.pem
echo 'subjectAltName = IP:127.0.0.1' >extensions
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 \
    -extfile extensions -out cert.pem
chmod 644 key.pem # the server may run as another user
