# shellcheck shell=sh
# What the scripts of this folder share. They source it after `set -eu`, name their compose files in
# $FILES, and call begin.
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PROJECT=waypost-test-$$
IMAGE=waypost # as the compose files name it
USER_ID=10001
WAIT_SECONDS=120
STOP_SECONDS=10 # SIGTERM to the end
FILES=
SCHEME=http
export WAYPOST_PORT=0 WAYPOST_PORT2=0 # free ones; see url

begin() {
    WORK=$(mktemp -d)
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

finish() {
    rc=$?
    trap - EXIT
    if [ -n "$FILES" ]; then
        [ "$rc" = 0 ] || compose ps -a
        [ "$rc" = 0 ] || compose logs --no-color --tail 20
        compose down -v --timeout 5 >/dev/null 2>&1 || true
    else
        docker rm -fv "$PROJECT" >/dev/null 2>&1 || true
        docker volume rm "$PROJECT" >/dev/null 2>&1 || true
    fi
    rm -rf "$WORK"
    [ "$rc" = 0 ] || echo "FAILED: $0" >&2
    exit "$rc"
}

die() {
    echo "$0: $*" >&2
    exit 1
}

ok() {
    echo "ok: $*"
}

compose() {
    # shellcheck disable=SC2086 # a list of options
    docker compose -p "$PROJECT" $FILES "$@"
}

container() { # SERVICE
    compose ps -aq "$1"
}

has() { # WHAT TEXT ANSWER
    case $3 in
    *"$2"*) ok "$1" ;;
    *) die "$1: wanted $2, got $3" ;;
    esac
}

has_not() { # WHAT TEXT ANSWER
    case $3 in
    *"$2"*) die "$1: did not want $2, got $3" ;;
    *) ok "$1" ;;
    esac
}

is() { # WHAT WANTED GOT
    [ "$2" = "$3" ] || die "$1: wanted $2, got $3"
    ok "$1: $3"
}

eventually() { # WHAT COMMAND...
    what=$1
    shift
    end=$(($(date +%s) + WAIT_SECONDS))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || die "not within $WAIT_SECONDS s: $what"
        sleep 0.2 # between looks
    done
    ok "$what"
}

# Where a service is published. A free port is another one after each start.
url() { # SERVICE
    echo "$SCHEME://$(compose port "$1" 8080)"
}

# The answer, and its status on a line of its own. TOKEN and CACERT may be set.
ask() { # SERVICE PATH [CURL-ARGUMENT...]
    base=$(url "$1")
    path=$2
    shift 2
    curl -sS --max-time 15 -w '\n%{http_code}\n' ${TOKEN:+-H "Authorization: Bearer $TOKEN"} \
        ${CACERT:+--cacert "$CACERT"} "$@" "$base$path"
}

status() { # as ask
    ask "$@" | tail -n 1
}

put() { # SERVICE KEY HOST
    ask "$1" "/overrides/$2" -X PUT -H 'Content-Type: application/json' -d "{\"target_host\":\"$3\"}"
}

# Is it answered so? For eventually.
answers() { # SERVICE PATH TEXT
    case $(ask "$1" "$2" 2>&1) in
    *"$3"*) ;;
    *) return 1 ;;
    esac
}

logged() { # SERVICE TEXT
    compose logs --no-color "$1" | grep -qF "$2"
}

# Stops one container by SIGTERM and holds it to what it promises about that.
stops_in_time() { # CONTAINER
    begun=$(date +%s)
    docker stop -t 30 "$1" >/dev/null
    took=$(($(date +%s) - begun))
    [ "$took" -le "$STOP_SECONDS" ] || die "SIGTERM: stopped after $took s"
    is "SIGTERM, after $took s" 0 "$(docker inspect -f '{{.State.ExitCode}}' "$1")"
}

# What docker was told, and what came of it inside.
is_confined() { # CONTAINER
    is 'read-only root' true "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}}' "$1")"
    state=$(docker exec "$1" cat /proc/1/status)
    has 'no capabilities' "CapPrm:	0000000000000000" "$state"
    has 'none to be had' "CapBnd:	0000000000000000" "$state"
    has 'no new privileges' "NoNewPrivs:	1" "$state"
    has "user $USER_ID" "Uid:	$USER_ID	$USER_ID" "$state"
    has "group $USER_ID" "Gid:	$USER_ID	$USER_ID" "$state"
    if docker exec "$1" sh -c ': >/usr/written' 2>/dev/null; then
        die 'the root can be written'
    fi
    ok 'the root cannot be written'
}

is_limited() { # CONTAINER
    is 'processes' 128 "$(docker inspect -f '{{.HostConfig.PidsLimit}}' "$1")"
    is 'memory' 536870912 "$(docker inspect -f '{{.HostConfig.Memory}}' "$1")"
}

# Nothing on stdout, and what is on stderr are log lines.
logs_on_stderr() { # CONTAINER
    is 'stdout' '' "$(docker logs "$1" 2>/dev/null)"
    has 'the log is on stderr' 'level=notice event=' "$(docker logs "$1" 2>&1 >/dev/null)"
}

# Files for compose.secure.yaml and compose.two.yaml; a program that knows TLS speaks it from here on.
make_secrets() {
    export WAYPOST_SECRETS="$WORK/secrets"
    "$ROOT/docker/make-secrets.sh" "$WAYPOST_SECRETS"
    is 'the folder is closed to others' 700 "$(stat -c %a "$WAYPOST_SECRETS")"
    case $(docker run --rm "$IMAGE" --help) in
    *--tls-cert*) SCHEME=https CACERT=$WAYPOST_SECRETS/tls-certificate ;;
    esac
}

# Prints the secret; the line goes to the file, in place.
add_token() { # NAME ROLE
    docker run --rm "$IMAGE" token "$1" "$2" >"$WORK/token"
    tail -n 1 "$WORK/token" >>"$WAYPOST_SECRETS/tokens"
    head -n 1 "$WORK/token"
}
