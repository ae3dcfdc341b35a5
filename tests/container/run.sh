#!/bin/sh
# The container, where there is docker with compose 2.24 or later:
#
#   tests/container/run.sh [NAME...]      image, one, secure, two; all of them without a NAME
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- image one secure two
docker compose -f "$here/../../docker/compose.yaml" build --quiet
for name; do
    echo "== $name"
    begun=$(date +%s)
    "$here/$name.sh"
    echo "== passed: $name in $(($(date +%s) - begun)) s"
done
