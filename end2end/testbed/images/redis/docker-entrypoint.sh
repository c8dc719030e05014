#!/bin/sh
# As the public images do: options alone start the server, root gives up its rights first, no bind means every address.
set -eu
case "${1:-redis-server}" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
case "$1" in
  redis-server | valkey-server)
    if [ "$(id -u)" = 0 ]; then
      find . \! -user redis -exec chown redis '{}' +
      exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
    fi
    # VALKEY_EXTRA_FLAGS is a list by contract.
    # shellcheck disable=SC2086
    exec "$@" --protected-mode no ${VALKEY_EXTRA_FLAGS:-}
    ;;
esac
exec "$@"
