#!/bin/sh
# docker/compose.yaml: starts out of the box, is confined, and keeps what it is told.
set -eu
# shellcheck source=tests/container/lib.sh
. "$(dirname "$0")/lib.sh"
FILES="-f $ROOT/docker/compose.yaml"
PASSWORD_BYTES=48

password() {
    compose exec -T database cat /run/password/database
}

begin
compose up -d --wait
waypost=$(container waypost)
BASE_URL=$(url waypost) "$ROOT/tests/support/compose-smoke.sh"
is_confined "$waypost"
is_limited "$waypost"
logs_on_stderr "$waypost"
has 'published on loopback only' '127.0.0.1:' "$(docker port "$waypost")"
is 'the database is published nowhere' '' "$(docker port "$(container database)")"
is 'it is on one network' "${PROJECT}_back" "$(docker inspect \
    -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}' "$(container database)")"
is 'that leads nowhere' true "$(docker network inspect -f '{{.Internal}}' "${PROJECT}_back")"

drawn=$(password)
is 'a password is drawn, of bytes' "$PASSWORD_BYTES" "${#drawn}"
has_not 'it is in no environment' "$drawn" "$(docker inspect "$waypost" "$(container database)")"
has 'kept' '"revision":' "$(put waypost kept.example 192.0.2.7)"

compose down >/dev/null 2>&1
compose up -d --wait
waypost=$(container waypost)
[ "$(password)" = "$drawn" ] || die 'the next start has another password'
ok 'the next start has the same'
has 'and the overrides' '192.0.2.7' "$(ask waypost /resolve/kept.example)"

stops_in_time "$waypost"
compose stop database >/dev/null 2>&1
docker start "$waypost" >/dev/null
eventually 'without the database it answers from its snapshot' answers waypost /resolve/kept.example 192.0.2.7
has 'and says so' '"store":"down"' "$(ask waypost /readyz)"
compose start database >/dev/null 2>&1
eventually 'the database is back' answers waypost /readyz '"store":"ok"'
has 'and takes changes' '"revision":' "$(put waypost more.example 192.0.2.8)"
