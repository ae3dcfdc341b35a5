#!/bin/sh
# docker/compose.two.yaml: what one instance is told the other one knows, and one is enough.
set -eu
# shellcheck source=tests/container/lib.sh
. "$(dirname "$0")/lib.sh"
FILES="-f $ROOT/docker/compose.two.yaml"

mounted() { # SERVICE: the volume of its state
    docker inspect -f '{{range .Mounts}}{{if eq .Destination "/var/lib/waypost"}}{{.Name}}{{end}}{{end}}' \
        "$(container "$1")"
}

knows() { # SERVICE KEY HOST
    eventually "$1 knows $2" answers "$1" "/resolve/$2?fallback=none" "$3"
}

begin
make_secrets
TOKEN=$(add_token ops admin)
compose up -d --wait
for service in waypost waypost2; do
    is_confined "$(container "$service")"
    is_limited "$(container "$service")"
    logs_on_stderr "$(container "$service")"
done
is 'each has a volume' "${PROJECT}_state ${PROJECT}_state2" "$(mounted waypost) $(mounted waypost2)"

has 'the first is told' '"revision":1' "$(put waypost a.example 192.0.2.1)"
has 'the second has it' '192.0.2.1' "$(ask waypost2 '/resolve/a.example?min_revision=1')"
has 'the second is told' '"revision":2' "$(put waypost2 b.example 192.0.2.2)"
has 'the first has it' '192.0.2.2' "$(ask waypost '/resolve/b.example?min_revision=2')"

stops_in_time "$(container waypost)"
has 'one stops, the other answers' '192.0.2.1' "$(ask waypost2 /resolve/a.example)"
has 'and takes changes' '"revision":3' "$(put waypost2 c.example 192.0.2.3)"
docker start "$(container waypost)" >/dev/null
knows waypost c.example 192.0.2.3
compose up -d --wait --no-deps --force-recreate waypost
has 'a new container of the first answers' '192.0.2.3' "$(ask waypost /resolve/c.example)"
docker kill "$(container waypost2)" >/dev/null
has 'one is killed, the other takes changes' '"revision":4' "$(put waypost d.example 192.0.2.4)"
docker start "$(container waypost2)" >/dev/null
knows waypost2 d.example 192.0.2.4

stops_in_time "$(container waypost2)" # leaves a snapshot of now
compose stop database >/dev/null 2>&1
docker start "$(container waypost2)" >/dev/null
knows waypost2 d.example 192.0.2.4
eventually 'the first notices' answers waypost /readyz '"store":"down"'
has 'and answers from memory' '192.0.2.4' "$(ask waypost /resolve/d.example)"
is 'a change is refused' 503 "$(put waypost e.example 192.0.2.5 | tail -n 1)"
compose start database >/dev/null 2>&1
for service in waypost waypost2; do
    eventually "$service has the database again" answers "$service" /readyz '"store":"ok"'
done
has 'changes go on' '"revision":5' "$(put waypost e.example 192.0.2.5)"
knows waypost2 e.example 192.0.2.5

compose restart database >/dev/null 2>&1
for service in waypost waypost2; do
    eventually "after a restart of the database, too: $service" answers "$service" /readyz '"store":"ok"'
done
has 'nothing is lost' '"total":5' "$(ask waypost2 /overrides)"
