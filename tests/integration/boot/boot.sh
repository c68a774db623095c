#!/usr/bin/env bash
# The Debian package under a real systemd: makes a small Debian with PostgreSQL in build/boot (once), boots it in a container of its
# own network, and runs inside.sh in it, which installs, upgrades, breaks, removes and purges the package. Needs root, debootstrap
# and systemd-nspawn; `./dev boot` sees to that.
# Usage: boot.sh DEB
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../../.." && pwd)
deb=$1
# The release of this machine, for the package is built for it.
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
machine=$tree/build/boot/$release
result=$tree/build/boot/$release.result
console=$tree/build/boot/$release.console
# Where this machine gets its packages; debootstrap knows a place where that does not tell.
# shellcheck disable=SC2016  # apt-get itself puts the site in
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $release" 2>/dev/null | head -n 1)
limit_seconds=1200

die() {
  printf '%s\n' "boot: $*" >&2
  exit 1
}

# What the package depends on, so that it installs without a network; of alternatives the first. A name that another package
# provides is that package, as it is installed where the .deb was built: debootstrap knows no others.
dependencies() {
  local installed name
  installed=$(dpkg-query -W -f '${Package}\t${Package}, ${Provides}\n')
  dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed -E 's/\|.*//; s/\(.*\)//; s/ //g' | sort -u | while read -r name; do
    awk -F '\t' -v name="$name" '{ n = split($2, all, /, */); for (i = 1; i <= n; ++i) { split(all[i], word, " ");
      if (word[1] == name) { print $1; exit } } }' <<<"$installed"
  done | sort -u | paste -sd ,
}

make_machine() {
  local wanted
  wanted=systemd,systemd-sysv,dbus,curl,procps,postgresql,$(dependencies)
  [[ ! -e $machine.made || $(cat "$machine.made") != "$wanted" ]] || return 0
  rm -rf "$machine"
  mkdir -p "$machine"
  printf 'boot: making a Debian in %s\n' "$machine" >&2
  debootstrap --variant=minbase --include="$wanted" "$release" "$machine" \
    ${mirror:+"$mirror"} >"$machine.log" 2>&1 || die "debootstrap failed: see $machine.log"
  printf '%s\n' "$wanted" >"$machine.made"
}

# The same package as an earlier version of it: what an upgrade comes from and a downgrade goes to.
repack_as_previous() {  # repack_as_previous FILE
  local folder
  folder=$(mktemp -d)
  dpkg-deb -R "$deb" "$folder"
  sed -i 's/^Version: .*/Version: 0.0.9/' "$folder/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$folder" "$1" >/dev/null
  rm -rf "$folder"
}

# A machine as it was made, in a copy that this run may use up.
fill_machine() {
  rm -rf "$machine.run"
  cp -a --reflink=auto "$machine" "$machine.run"
  mkdir -p "$machine.run/hookspool"
  cp "$deb" "$machine.run/hookspool/hookspool.deb"
  repack_as_previous "$machine.run/hookspool/previous.deb"
  cp "$tree/packaging/debian/tests/delivers" "$here"/*.sh "$machine.run/hookspool/"
  chmod 755 "$machine.run"/hookspool/*.sh
  : >"$machine.run/hookspool/result"
  cat >"$machine.run/etc/systemd/system/boot-check.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/hookspool/inside.sh
ExecStopPost=/usr/bin/systemctl --no-block poweroff
StandardOutput=append:/hookspool/result
StandardError=append:/hookspool/result
UNIT
  mkdir -p "$machine.run/etc/systemd/system/graphical.target.wants"
  ln -sf ../boot-check.service "$machine.run/etc/systemd/system/graphical.target.wants/boot-check.service"
}

[[ -f $deb ]] || die "no such package: $deb"
mkdir -p "$tree/build/boot"
make_machine
fill_machine
timeout --kill-after=10 "$limit_seconds" systemd-nspawn --quiet --keep-unit --register=no --private-network --boot \
  --directory="$machine.run" >"$console" 2>&1 </dev/null || true
cp "$machine.run/hookspool/result" "$result"
cat "$result"
grep -Eq '^checked [1-9][0-9]*, failed 0$' "$result" ||
  die "the package does not hold; what was on the console: $console; the machine: $machine.run"
rm -rf "$machine.run"
