#!/bin/bash
# The contract of the public image's entrypoint: variables (and their _FILE forms) count only on an empty data folder,
# the first server listens on its socket alone, scripts of /docker-entrypoint-initdb.d run once.
set -Eeuo pipefail

from_file() { # NAME DEFAULT: NAME's own value, else the content of the file that NAME_FILE names, else DEFAULT
  local file="${1}_FILE"
  if [ -n "${!file:-}" ]; then
    export "$1"="$(<"${!file}")"
  elif [ -z "${!1:-}" ]; then
    export "$1"="$2"
  fi
}

case "${1:-postgres}" in
  -*) set -- postgres "$@" ;;
  postgres) ;;
  *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA"
  find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ -s "$PGDATA/PG_VERSION" ]; then
  # Whatever the tag says, PostgreSQL 15 runs here, so the refusal of another major's files is played by us.
  made_by=$(cat "$PGDATA/tag_major" 2>/dev/null || echo "$PG_MAJOR")
  if [ "$made_by" != "$PG_MAJOR" ]; then
    echo "FATAL:  database files are incompatible with server" >&2
    echo "DETAIL:  The data directory was initialized by PostgreSQL version $made_by, which is not compatible with this version $PG_MAJOR." >&2
    exit 1
  fi
  exec "$@" -c listen_addresses='*'
fi

from_file POSTGRES_PASSWORD ''
from_file POSTGRES_USER postgres
from_file POSTGRES_DB "$POSTGRES_USER"
from_file POSTGRES_INITDB_ARGS ''
if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
  echo "Error: Database is uninitialized and superuser password is not specified." >&2
  echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser." >&2
  exit 1
fi

# shellcheck disable=SC2086 # the arguments are a list by contract
initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
  -A "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" --auth-local=trust -E UTF8 --locale=C.UTF-8 $POSTGRES_INITDB_ARGS
printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"

pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
query() { psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" "$@"; }
if [ "$POSTGRES_DB" != postgres ]; then
  query -d postgres -v name="$POSTGRES_DB" <<<'create database :"name";'
fi
for script in /docker-entrypoint-initdb.d/*; do
  case "$script" in
    *.sql) query -d "$POSTGRES_DB" -f "$script" ;;
    *.sql.gz) gunzip -c "$script" | query -d "$POSTGRES_DB" ;;
    *.sh) bash "$script" ;;
  esac
done
pg_ctl -D "$PGDATA" -m fast -w stop
echo "$PG_MAJOR" >"$PGDATA/tag_major"
echo "PostgreSQL init process complete; ready for start up."
exec "$@" -c listen_addresses='*'
