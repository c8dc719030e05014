#!/bin/sh
# What the public image does before nginx starts: templates go through envsubst, then scripts of /docker-entrypoint.d run.
set -eu
if [ "${1:-}" = nginx ]; then
  # Only names that are set are replaced, so that nginx's own $variables survive.
  names=$(env | cut -d= -f1 | sed 's/^/${/;s/$/}/' | tr '\n' ' ')
  for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    envsubst "$names" <"$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
  done
  for script in /docker-entrypoint.d/*.sh; do
    [ -x "$script" ] && "$script"
  done
fi
exec "$@"
