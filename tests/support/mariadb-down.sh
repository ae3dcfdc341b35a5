#!/bin/sh
# usage: mariadb-down.sh DIR [-9]
#
# Ends the server that mariadb-up.sh started in DIR, by its process id, and waits until it is gone;
# with -9 as if the power had failed. The data stay.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 DIR [-9]" >&2; exit 2; }
[ -r "$1/env" ] || exit 0
pid=$(sed -n 's/^MDB_PID=//p' "$1/env")

# One that has ended and was not waited for yet counts as gone.
is_alive() {
    case $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) in
    '' | Z) false ;;
    esac
}

# A number may have gone to another process since.
case $(cat "/proc/$pid/comm" 2>/dev/null) in
mariadbd) ;;
*) exit 0 ;;
esac

if [ "${2:-}" = -9 ]; then
    kill -9 "$pid"
else
    kill "$pid"
    kill -CONT "$pid" 2>/dev/null || true # a test may have stopped it; or it has ended already
fi
tries=0
while is_alive; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || kill -9 "$pid" 2>/dev/null || true
    sleep 0.1 # between two looks
done
