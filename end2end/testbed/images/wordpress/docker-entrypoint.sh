#!/bin/sh
# As the public image does: the program is laid into an empty volume, the configuration reads the variables.
set -eu
case "${1:-}" in apache2*)
  if [ ! -e index.php ] && [ ! -e wp-includes/version.php ]; then
    cp -a /usr/src/wordpress/. .
    echo "Complete! WordPress has been successfully copied to $PWD" >&2
  fi
  if [ ! -e wp-config.php ]; then
    salts=$(mktemp)
    for name in AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY AUTH_SALT SECURE_AUTH_SALT LOGGED_IN_SALT NONCE_SALT; do
      printf "define('%s', docker_setting('WORDPRESS_%s', '%s'));\n" "$name" "$name" "$(head -c 30 /dev/urandom | base64)"
    done >"$salts"
    sed "/^\/\/ KEYS/r $salts" wp-config-docker.php >wp-config.php
    rm "$salts"
    chown www-data:www-data wp-config.php
  fi
  ;;
esac
exec "$@"
