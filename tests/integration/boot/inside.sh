#!/usr/bin/env bash
# Runs inside the booted machine that boot.sh has made, as root: installs the Debian package and holds it to what it promises. One
# line a check, "ok ..." or "FAILED ..."; the last line is the count.
# shellcheck disable=SC2154  # lib.sh counts
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
. "$here/lib.sh"
# shellcheck source=/dev/null
. "$here/unit.sh"
# shellcheck source=/dev/null
. "$here/package.sh"

installed
# Without that, the rest would say nothing.
[[ $failures -eq 0 ]] || { echo "checked $checks, failed $failures"; exit 1; }
autopkgtested
upgraded
downgraded
sandboxed
reloaded
restarted
with_credentials
watched
stopped
with_a_full_disk
removed
purged
echo "checked $checks, failed $failures"
