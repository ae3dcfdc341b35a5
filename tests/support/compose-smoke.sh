#!/bin/sh
# Sets an override in the Waypost at $BASE_URL, resolves it by each door's form, and removes it.
# For a running composition: BASE_URL=http://127.0.0.1:8080 tests/support/compose-smoke.sh
set -eu
BASE_URL=${BASE_URL:-http://127.0.0.1:8080}
key=smoke.example.org

ask() { # CURL-ARGUMENT...
    curl -sS --fail-with-body --max-time 10 "$@"
}

expect() { # WHAT TEXT ANSWER
    case $3 in
    *"$2"*) echo "ok: $1: $3" ;;
    *)
        echo "$1: wanted $2, got $3" >&2
        exit 1
        ;;
    esac
}

expect 'an override is set' '"lookup_key":"smoke.example.org"' "$(ask -X PUT "$BASE_URL/overrides/Smoke.Example.ORG." \
    -H 'Content-Type: application/json' -d '{"target_host":"192.0.2.7","comment":"smoke test"}')"
expect 'it resolves' '"target_host":"192.0.2.7"' "$(ask "$BASE_URL/resolve/$key")"
expect 'so does mail for it' '"host":"192.0.2.7"' "$(ask "$BASE_URL/mx/$key")"
expect 'and in the short form' '192.0.2.7' "$(ask -H 'Accept: text/plain' "$BASE_URL/resolve/$key?fallback=none")"
expect 'it is listed' "\"$key\"" "$(ask "$BASE_URL/overrides?q=smoke")"
expect 'it is deleted' 204 "$(ask -o /dev/null -w '%{http_code}' -X DELETE "$BASE_URL/overrides/$key")"
expect 'and gone' '"override":false' "$(ask "$BASE_URL/resolve/$key?fallback=none")"
