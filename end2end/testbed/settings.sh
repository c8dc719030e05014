# shellcheck shell=bash disable=SC2034
# Where the test bed keeps what it builds and on which ports it answers; sourced by its commands.
set -euo pipefail
testbed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${TESTBED_CACHE:-$HOME/.cache/summoner/testbed}"
public_port="${TESTBED_PUBLIC_PORT:-5077}"
private_port="${TESTBED_PRIVATE_PORT:-5078}"
public="127.0.0.1:$public_port"
private="127.0.0.1:$private_port"
# Known to everybody: it guards one demo image on this machine's loopback. `htpasswd` holds its hash.
private_login="summoner:testbed"
# The image names of the public registries, which a folder each under images/ builds.
images=(nginx postgres mariadb redis wordpress demo registry prometheus adminer)
# BuildKit of newer clients asks for a plug-in that Debian does not have.
export DOCKER_BUILDKIT=0

say() { echo "testbed: $*" >&2; }
fail() { say "$*"; exit 1; }

# Whether the process whose id FILE holds still runs PROGRAM; after a restart of the machine the id may be another's.
alive() { # FILE PROGRAM
  [ -s "$1" ] && [ "$(cat "/proc/$(<"$1")/comm" 2>/dev/null)" = "$2" ]
}
