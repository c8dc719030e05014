# shellcheck shell=bash
# What both runs need: the test bed up, its lines in the environment, Playwright installed. Sourced by `run` and
# `api-fuzz`; the test bed is stopped at their end if it was they that started it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

lines=$(testbed/up)
while IFS='=' read -r name value; do export "$name=$value"; done <<<"$lines"
if [ "$TESTBED_STARTED" = yes ]; then
  trap testbed/down EXIT
fi

# The stamp is the lock file's own content: another lock installs again.
if ! cmp -s package-lock.json node_modules/.installed; then
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.installed
fi
