#!/usr/bin/env bash
# `cmake --install` puts each thing where GNUInstallDirs says, and the installed unit is as closed as is promised.
# Usage: install.sh BUILD_FOLDER
set -euo pipefail
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
checks=0

die() {
  printf '%s\n' "install: $*" >&2
  exit 1
}
has() {  # has FILE...: below the prefix, and not empty
  local file
  for file in "$@"; do
    [[ -s $root/opt/hookspool/$file ]] || die "not installed: $file"
    checks=$((checks + 1))
  done
}

DESTDIR=$root cmake --install "$build" --prefix /opt/hookspool >"$root/log" || { cat "$root/log" >&2; die "cmake --install failed"; }

has bin/hookspool lib/systemd/system/hookspool.service lib/systemd/system/hookspool.socket lib/sysusers.d/hookspool.conf
has share/man/man8/hookspool.8 share/man/man5/hookspool.toml.5 share/man/man1/hookspool-status.1 share/man/man1/hookspool-dead.1
has share/bash-completion/completions/hookspool share/zsh/site-functions/_hookspool share/fish/vendor_completions.d/hookspool.fish
has share/doc/hookspool/README.md share/doc/hookspool/OPERATIONS.md share/doc/hookspool/CONFIGURATION.md
has share/doc/hookspool/hookspool.toml share/hookspool/prometheus/hookspool.rules.yml share/hookspool/grafana/hookspool.json
[[ ! -e $root/etc && ! -e $root/opt/hookspool/etc ]] || die "an installation writes no configuration"

# One version, wherever it is shown.
version=$("$root/opt/hookspool/bin/hookspool" version | sed -nE '1s/^hookspool ([0-9.]+)$/\1/p')
[[ -n $version ]] || die "no version: $("$root/opt/hookspool/bin/hookspool" version | head -n 1)"
for page in man8/hookspool.8 man1/hookspool-status.1; do
  grep -q "^\.TH .*\"hookspool $version\"" "$root/opt/hookspool/share/man/$page" || die "$page has another version than $version"
done
while read -r page; do
  head -n 1 "$root/opt/hookspool/share/man/man1/$page" | grep -q . || die "$page is empty"
  checks=$((checks + 1))
done < <("$root/opt/hookspool/bin/hookspool" --help | sed -nE 's/^  ([a-z][a-z-]*)[ ,].*/hookspool-\1.1/p' | sort -u | grep -v -- '-hookspool')

systemd-analyze security --offline=true --no-pager --threshold=12 "$root/opt/hookspool/lib/systemd/system/hookspool.service" >"$root/score" || {
  grep '✗' "$root/score" >&2 || true
  die "the unit: $(tail -n 1 "$root/score")"
}
bash -n "$root/opt/hookspool/share/bash-completion/completions/hookspool"
[[ $checks -gt 30 ]] || die "only $checks things were checked"
echo "install: $checks files, $(tail -n 1 "$root/score")"
