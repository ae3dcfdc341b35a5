#!/bin/sh
# docker/compose.secure.yaml: tokens, TLS and the database's password from files.
set -eu
# shellcheck source=tests/container/lib.sh
. "$(dirname "$0")/lib.sh"
FILES="-f $ROOT/docker/compose.yaml -f $ROOT/docker/compose.secure.yaml"

reread() {
    compose kill -s HUP waypost >/dev/null 2>&1
}

begin
everything=$FILES
FILES="-f $ROOT/docker/compose.yaml"
compose up -d --wait
has 'without tokens' '"revision":1' "$(put waypost before.example 192.0.2.6)"
mkdir "$WORK/secrets"
compose exec -T database cat /run/password/database >"$WORK/secrets/database-password"
chmod 0644 "$WORK/secrets/database-password"
FILES=$everything
make_secrets
before=$(sha256sum "$WAYPOST_SECRETS"/*)
"$ROOT/docker/make-secrets.sh" "$WAYPOST_SECRETS"
[ "$(sha256sum "$WAYPOST_SECRETS"/*)" = "$before" ] || die 'secrets that were there are others now'
ok 'secrets that are there stay'
admin=$(add_token ops admin)
reader=$(add_token relay reader)

compose up -d --wait --remove-orphans
waypost=$(container waypost)
is_confined "$waypost"
is_limited "$waypost"
is 'no password is drawn' '' "$(compose ps -aq | xargs docker inspect -f '{{.Name}}' | grep password || :)"
secret=$(cat "$WAYPOST_SECRETS/database-password")
has_not 'the password is in no environment' "$secret" "$(docker inspect "$waypost" "$(container database)")"
has 'the database knows it' '"store":"ok"' "$(ask waypost /readyz)"
has 'and has what it was told before' '"overrides":1' "$(ask waypost /readyz)"

is 'no token' 401 "$(status waypost /overrides)"
TOKEN=$reader
is 'a reader reads' 200 "$(status waypost /overrides)"
is 'and changes nothing' 403 "$(put waypost a.example 192.0.2.7 | tail -n 1)"
TOKEN=$admin
has 'an admin does' '"revision":2' "$(put waypost a.example 192.0.2.7)"

TOKEN=$(add_token late editor)
is 'a token that was added since is unknown' 401 "$(status waypost /overrides)"
reread
eventually 'after SIGHUP it is known' answers waypost /overrides a.example
echo 'no such line' >>"$WAYPOST_SECRETS/tokens"
reread
eventually 'a fault in the file is told' logged waypost tokens.refused
is 'and the tokens stay' 200 "$(status waypost /overrides)"
sed '/^late /d; /^no such/d' "$WAYPOST_SECRETS/tokens" >"$WORK/tokens"
cp "$WORK/tokens" "$WAYPOST_SECRETS/tokens"
reread
eventually 'a token that was taken back is unknown' answers waypost /overrides '"status":401'

if [ "$SCHEME" = https ]; then
    SCHEME=http
    has_not 'nothing is said in clear' a.example "$(ask waypost /resolve/a.example 2>&1 || :)"
    SCHEME=https
    "$ROOT/docker/make-secrets.sh" "$WORK/new" >/dev/null
    for file in tls-certificate tls-key; do
        cp "$WORK/new/$file" "$WAYPOST_SECRETS/$file"
    done
    reread
    CACERT=$WORK/new/tls-certificate
    eventually 'after SIGHUP it shows the new certificate' answers waypost /readyz '"store":"ok"'
    CACERT=''
    if ask waypost /readyz >/dev/null 2>&1; then
        die 'curl took a certificate that nobody vouches for'
    fi
    ok 'who does not know the certificate does not go on'
fi
stops_in_time "$waypost"
