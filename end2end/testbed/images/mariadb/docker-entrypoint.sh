#!/bin/bash
# The contract of the public image's entrypoint: MARIADB_* (or MYSQL_*, or their _FILE forms) count only on an empty
# data folder, the first server has no network, scripts of /docker-entrypoint-initdb.d run once.
set -Eeuo pipefail
data=/var/lib/mysql

setting() { # NAME: the value of MARIADB_NAME, MYSQL_NAME or of the file that one of their _FILE forms names
  local brand name file
  for brand in MARIADB MYSQL; do
    name="${brand}_$1" file="${brand}_$1_FILE"
    if [ -n "${!name:-}" ]; then printf %s "${!name}"; return; fi
    if [ -n "${!file:-}" ]; then cat "${!file}"; return; fi
  done
}
quoted() { sed "s/[\\\\']/\\\\&/g" <<<"$1"; }

case "${1:-mariadbd}" in
  -*) set -- mariadbd "$@" ;;
  mariadbd | mysqld) ;;
  *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data"
  find "$data" \! -user mysql -exec chown mysql '{}' +
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi

serve=("$@" "--datadir=$data" --bind-address=0.0.0.0 --skip-name-resolve)
if [ -d "$data/mysql" ]; then
  exec "${serve[@]}"
fi

root=$(setting ROOT_PASSWORD) database=$(setting DATABASE) user=$(setting USER) password=$(setting PASSWORD)
if [ -z "$root" ] && [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
  root=$(head -c 24 /dev/urandom | base64)
  echo "[Note] [Entrypoint]: GENERATED ROOT PASSWORD: $root"
fi
if [ -z "$root" ] && [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)" ]; then
  echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2
  echo "	You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD" >&2
  exit 1
fi

mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
mariadbd --datadir="$data" --skip-networking --socket=/run/mysqld/mysqld.sock &
server=$!
until mariadb-admin ping --silent 2>/dev/null; do
  kill -0 "$server" || { echo "[ERROR] [Entrypoint]: Unable to start server." >&2; exit 1; }
  sleep 0.2
done

check=$(head -c 24 /dev/urandom | base64)
{
  echo "CREATE USER root@'%' IDENTIFIED BY '$(quoted "$root")'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
  [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
  if [ -n "$user" ]; then
    echo "CREATE USER '$(quoted "$user")'@'%' IDENTIFIED BY '$(quoted "$password")';"
    [ -z "$database" ] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO '$(quoted "$user")'@'%';"
  fi
  for host in 127.0.0.1 localhost; do echo "CREATE USER healthcheck@$host IDENTIFIED BY '$check';"; done
  echo "ALTER USER root@localhost IDENTIFIED BY '$(quoted "$root")';"
} | mariadb -u root
(umask 077 && printf '[client]\nuser=healthcheck\npassword=%s\n' "$check" >"$data/.my-healthcheck.cnf")
for script in /docker-entrypoint-initdb.d/*; do
  case "$script" in
    *.sql) MYSQL_PWD="$root" mariadb -u root ${database:+"$database"} <"$script" ;;
    *.sh) bash "$script" ;;
  esac
done
MYSQL_PWD="$root" mariadb-admin -u root shutdown
wait "$server"
echo "[Note] [Entrypoint]: MariaDB init process done. Ready for start up."
exec "${serve[@]}"
