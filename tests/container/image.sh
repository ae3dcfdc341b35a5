#!/bin/sh
# The image by itself: what is in it, and Waypost with SQLite on a volume.
set -eu
# shellcheck source=tests/container/lib.sh
. "$(dirname "$0")/lib.sh"
SIZE_MAX=100000000 # bytes
REFUSED=2          # exit code of wrong settings

inspect() { # FORMAT
    docker image inspect -f "$1" "$IMAGE"
}

label() { # NAME
    inspect "{{index .Config.Labels \"org.opencontainers.image.$1\"}}"
}

start() {
    docker run -d --name "$PROJECT" --read-only --cap-drop ALL --security-opt no-new-privileges \
        -p 127.0.0.1:0:8080 -v "$PROJECT:/var/lib/waypost" -e WAYPOST_OPEN=true "$IMAGE" >/dev/null
    eventually 'it is healthy' is_healthy
}

is_healthy() {
    [ "$(docker inspect -f '{{.State.Health.Status}}' "$PROJECT")" = healthy ]
}

ask_it() { # PATH [CURL-ARGUMENT...]
    path=$1
    shift
    curl -sS --max-time 15 "$@" "http://$(docker port "$PROJECT" 8080/tcp)$path"
}

begin
size=$(inspect '{{.Size}}')
[ "$size" -le "$SIZE_MAX" ] || die "the image has $size bytes, at most $SIZE_MAX"
ok "size: $size bytes"
is 'user' "$USER_ID:$USER_ID" "$(inspect '{{.Config.User}}')"
is 'stop signal' SIGTERM "$(inspect '{{.Config.StopSignal}}')"
is 'health' '[CMD waypost healthcheck]' "$(inspect '{{.Config.Healthcheck.Test}}')"
is 'licence' MIT "$(label licenses)"
is 'version' "waypost $(label version)" "$(docker run --rm "$IMAGE" --version)"
built=$(docker build --quiet --target build -f "$ROOT/docker/Dockerfile" "$ROOT")
seen=" $(docker run --rm "$built" ls -A /src | tr '\n' ' ')"
for name in .git docker docs tests; do
    has_not "the build does not see $name" " $name " "$seen"
done
has 'it sees the sources' ' server ' "$seen"
is 'what built it stayed behind' '' "$(docker run --rm --entrypoint sh "$IMAGE" -c \
    'command -v gcc cmake curl wget; find /src /var/lib/apt/lists /var/log -mindepth 1 2>/dev/null')"

code=0
docker run --rm --name "$PROJECT" "$IMAGE" >"$WORK/refusal" 2>&1 || code=$?
is 'neither tokens nor --open' "$REFUSED" "$code"
has 'it says which' '--tokens' "$(cat "$WORK/refusal")"

start
is_confined "$PROJECT"
has 'an override is set' '"revision":1' "$(ask_it /overrides/kept.example -X PUT \
    -H 'Content-Type: application/json' -d '{"target_host":"192.0.2.7"}')"
logs_on_stderr "$PROJECT"
stops_in_time "$PROJECT"
docker rm "$PROJECT" >/dev/null
start
has 'another container has it from the volume' '"target_host":"192.0.2.7"' "$(ask_it /resolve/kept.example)"
