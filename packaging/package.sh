#!/usr/bin/env bash
# Builds the Debian package of this tree for the release that this runs on, into build/package/RELEASE: the .deb, its debug symbols,
# what lintian says, and the SBOM. `./dev package` installs what is needed first.
# Usage: package.sh [--twice]
#   --twice: a second time, in another folder, at another time, in another time zone, without a compiler cache; the same bytes
#   have to come out, or diffoscope says what differs.
#
# The build is made in a copy: what it needs as debian/ is packaging/debian, with a changelog and units that stand elsewhere in
# this tree, and a copy has another path the second time.
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$tree"
# shellcheck source=/dev/null
release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
# shellcheck source=/dev/null
release_number=$(. /etc/os-release && printf '%s' "$VERSION_ID")
target=$tree/build/package/$release

say() { printf '%s\n' "package: $*" >&2; }
die() {
  say "$*"
  exit 1
}

# One line of a file, or this has changed and package.sh has not.
only_match() {  # only_match PATTERN FILE
  local found
  found=$(sed -nE "s/$1/\\1/p" "$2")
  [[ $(grep -c . <<<"$found") -eq 1 ]] || die "$2 does not say it once: $1"
  printf '%s' "$found"
}

upstream=$(only_match 'project\(hookspool VERSION ([0-9.]+) .*' CMakeLists.txt)
date=$(only_match 'set\(HOOKSPOOL_RELEASE_DATE ([0-9-]+)\)' CMakeLists.txt)
format=$(only_match '.*kFormatVersion = ([0-9]+);.*' storage/file/sqlite.h)
version=$upstream+deb$release_number

# The tree's files: what git knows; where the tree was copied without its history, all but what was built.
tree_files() {
  if git -c safe.directory="$tree" rev-parse --git-dir >/dev/null 2>&1; then
    git -c safe.directory="$tree" ls-files -z
  else
    find . -path ./build -prune -o -path ./.git -prune -o -type f -print0
  fi
}

# What the tree has, as it is in the working folder, with packaging/debian as debian/.
fill() {  # fill FOLDER
  local folder=$1
  mkdir -p "$folder"
  tree_files | while IFS= read -r -d '' file; do
    [[ ! -f $file ]] || printf '%s\0' "$file"
  done | tar --null --no-recursion -cf - -T - | tar -C "$folder" -xf -
  cp -r packaging/debian "$folder/debian"
  cp packaging/systemd/hookspool.service packaging/systemd/hookspool.socket "$folder/debian/"
  sed -e "s/@VERSION@/$version/; s/@UPSTREAM@/$upstream/; s/@RELEASE@/$release/" \
    -e "s/@DATE@/$(LC_ALL=C date -u -d "$date" '+%a, %d %b %Y %T +0000')/" \
    "$folder/debian/changelog.in" >"$folder/debian/changelog"
  rm "$folder/debian/changelog.in"
  sed -i "s/@JOURNAL_FORMAT@/$format/" "$folder/debian/hookspool.preinst"
}

build() {  # build FOLDER: the results are in the folder above it
  local folder=$1
  rm -rf "$(dirname "$folder")"
  fill "$folder"
  say "building hookspool $version in $folder"
  (cd "$folder" && dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes) >"$(dirname "$folder").log" 2>&1 || {
    tail -n 40 "$(dirname "$folder").log" >&2
    die "not built; all of it: $(dirname "$folder").log"
  }
}

build "$target/build/hookspool-$upstream"
rm -f "$target"/*.deb "$target"/*.changes "$target"/*.buildinfo "$target"/*.json
mv "$target"/build/*.deb "$target"/build/*.changes "$target"/build/*.buildinfo "$target/"
deb=$(echo "$target"/hookspool_*.deb)
SOURCE_DATE_EPOCH=$(date -u -d "$date" +%s) packaging/sbom.py "$deb" "${deb%.deb}.spdx.json"

say "lintian"
lintian --profile debian --fail-on error,warning --display-level '>=info' "$target"/*.changes | tee "$target/lintian" >&2 ||
  die "lintian found what is not to be in a package"

if [[ ${1:-} == --twice ]]; then
  again=$target/again/and/elsewhere
  (
    umask 0027
    export TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 CCACHE_DISABLE=1
    build "$again/another-name"
  )
  for first in "$target"/*.deb; do
    second=$again/$(basename "$first")
    if ! cmp "$first" "$second" >&2; then
      diffoscope --max-report-size 20000 "$first" "$second" >&2 || true
      die "the second build of $(basename "$first") has other bytes"
    fi
  done
  say "twice the same bytes: $(cd "$target" && echo *.deb)"
fi
rm -rf "$target/build" "$target/again"
say "$deb, $(dpkg-deb -f "$deb" Installed-Size) KiB installed; SBOM and symbols beside it"
