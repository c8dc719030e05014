#!/bin/bash
# The two checks of the public image's program that entries use. Each really asks the server over TCP, as the user
# that was made for it at first start; any other argument is refused, so that an entry cannot pass by a typing error.
set -euo pipefail
ask() { mariadb --defaults-extra-file=/var/lib/mysql/.my-healthcheck.cnf -h 127.0.0.1 --protocol=tcp --batch --skip-column-names -e "$1"; }
[ $# -gt 0 ] || { echo "no check was asked for" >&2; exit 1; }
for check in "$@"; do
  case "$check" in
    --connect) ask 'select 1' >/dev/null ;;
    --innodb_initialized)
      [ "$(ask "select count(*) from information_schema.engines where engine = 'innodb' and support in ('YES', 'DEFAULT')")" = 1 ] ;;
    *) echo "unknown check $check" >&2; exit 1 ;;
  esac
done
