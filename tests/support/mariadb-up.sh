#!/bin/sh
# usage: mariadb-up.sh DIR PORT [mariadbd options]
#
# Starts a private MariaDB server for tests; everything it needs lies under DIR. A DIR that was used
# before is started again with its data.
#   PORT   0: no TCP, only a socket; "free": a free port of 127.0.0.1; else that port
# Environment:
#   DURABLE=1   real fsync; without it a loss of power may cost data, a kill -9 does not
#   WATCH=PID   end the server when that process is gone
# Accounts: admin (password admin) may do all; waypost (password waypost) owns the database waypost.
# Prints what to connect to as shell assignments, which are also left in DIR/env:
#   MDB_PID MDB_SOCKET MDB_PORT
# Works as root and as any other user. End it with mariadb-down.sh DIR.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 DIR PORT [mariadbd options]" >&2; exit 2; }
dir=$1
port=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin # where mariadbd lies, and where not every user looks

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
chmod 700 "$dir"
socket=$dir/sock
if [ ${#socket} -gt 100 ]; then # the name of a socket has 108 bytes at most
    socket=$(mktemp -d)/sock
fi
user=$(id -un)

if [ ! -d "$dir/data/mysql" ]; then
    # --force: a machine need not be able to look up its own name. --tmpdir: two that start at once must
    # not remove each other's temporary tables.
    mariadb-install-db --no-defaults --force --user="$user" --datadir="$dir/data" --tmpdir="$dir" \
        --skip-test-db --auth-root-authentication-method=normal \
        --innodb-log-file-size=8M --innodb-flush-method=nosync \
        >"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; exit 1; }
fi

# Run at every start. The accounts without password that a new data directory has are removed.
cat >"$dir/init.sql" <<SQL
CREATE DATABASE IF NOT EXISTS waypost CHARACTER SET utf8mb4;
DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
FLUSH PRIVILEGES;
CREATE USER IF NOT EXISTS admin IDENTIFIED BY 'admin';
GRANT ALL ON *.* TO admin WITH GRANT OPTION;
CREATE USER IF NOT EXISTS waypost IDENTIFIED BY 'waypost';
GRANT ALL ON waypost.* TO waypost;
SQL

if [ "${DURABLE:-0}" = 1 ]; then
    disk="--innodb-flush-log-at-trx-commit=1"
else
    disk="--innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync --skip-innodb-doublewrite"
fi

# Waits until the server answers. Fails when it has ended, or takes over a minute.
await() {
    tries=0
    until mariadb-admin --no-defaults -S "$socket" -u admin -padmin --connect-timeout=2 ping \
        >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { kill -9 "$pid"; return 1; }
        sleep 0.1 # between two looks
    done
}

# --no-defaults comes first: nothing of the machine's own configuration leaks in.
# setsid: Ctrl-C in a terminal does not reach the server.
start() {
    if [ "$1" = 0 ]; then
        net=--skip-networking
    else
        net="--bind-address=127.0.0.1 --port=$1"
    fi
    bound=$1
    shift
    # shellcheck disable=SC2086
    setsid mariadbd --no-defaults --user="$user" --datadir="$dir/data" --tmpdir="$dir" \
        --socket="$socket" --pid-file="$dir/pid" --log-error="$dir/error.log" $net $disk \
        --init-file="$dir/init.sql" --skip-name-resolve --skip-log-bin \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=8M --key-buffer-size=1M \
        --aria-pagecache-buffer-size=1M --performance-schema=OFF --table-open-cache=64 \
        --innodb-buffer-pool-load-at-startup=0 --innodb-buffer-pool-dump-at-shutdown=0 \
        --character-set-server=utf8mb4 "$@" </dev/null >>"$dir/stdout.log" 2>&1 &
    pid=$!
    await
}

started=no
if [ "$port" = free ]; then
    tries=0
    while [ $started = no ] && [ $tries -lt 20 ]; do # a port that is taken: try the next
        tries=$((tries + 1))
        : >"$dir/error.log"
        try=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        if start $try "$@"; then
            started=yes
        elif ! grep -q 'Bind on TCP/IP port' "$dir/error.log"; then
            break
        fi
    done
elif start "$port" "$@"; then
    started=yes
fi
if [ $started = no ]; then
    echo "mariadbd did not start:" >&2
    tail -n 20 "$dir/error.log" >&2
    exit 1
fi

if [ -n "${WATCH:-}" ]; then
    (tail --pid="$WATCH" -f /dev/null && "$here/mariadb-down.sh" "$dir" -9) \
        </dev/null >/dev/null 2>&1 &
fi

cat >"$dir/env" <<ENV
MDB_PID=$(cat "$dir/pid")
MDB_SOCKET=$socket
MDB_PORT=$bound
ENV
cat "$dir/env"
