#!/usr/bin/env bash
# When `apt purge` deletes the journal: the package's postrm, run with a /var/lib of its own. One case each for what the note of
# the last stop can be, and for a segment that was put beside it later under an old date.
# Usage: purge.sh POSTRM
set -euo pipefail

if [[ ${1:-} != --inside ]]; then
  # The mounts are this process's alone.
  exec unshare --map-root-user --mount "$0" --inside "$(realpath "$1")"
fi
postrm=$2
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /etc
journal=/var/lib/hookspool/journal
drained=$'waiting 0\nunreadable 0\nset-aside 0\n'
checked=0 failed=0

fresh() {  # fresh NOTE: a journal with one segment and this note
  rm -rf /var/lib/hookspool
  mkdir -p "$journal"
  : >"$journal/segment-00000001.db"
  printf '%s' "$1" >"$journal/stopped"
}
expect() {  # expect kept|deleted CASE WORDS
  local said now=deleted
  said=$(sh "$postrm" purge 2>&1)
  [[ ! -e $journal/segment-00000001.db ]] || now=kept
  checked=$((checked + 1))
  [[ $now == "$1" && $said == *"$3"* ]] && return
  failed=$((failed + 1))
  printf 'purge: %s: the journal is %s; it said: %s\n' "$2" "$now" "$said" >&2
}

fresh "$drained"
expect deleted 'drained' ''
fresh ''
expect kept 'a note that a power cut has emptied' 'did not stop in good order'
fresh $'waiting 0\n'
expect kept 'a note that a power cut has cut' 'did not stop in good order'
fresh "$drained"
rm "$journal/stopped"
expect kept 'no note' 'did not stop in good order'
fresh $'waiting 3\nunreadable 0\nset-aside 0\n'
expect kept 'three events wait' 'holds 3 events'
fresh $'waiting 0\nunreadable 0\nset-aside 1\n'
expect kept 'a damaged segment' 'could not be read'
fresh "$drained"
touch -d '2 days ago' /var/lib/old
mv /var/lib/old "$journal/segment-00000002.db"
expect kept 'a segment of another machine' 'was changed after'

echo "checked $checked, failed $failed"
[[ $failed -eq 0 && $checked -gt 0 ]]
