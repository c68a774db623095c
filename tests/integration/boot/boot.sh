#!/usr/bin/env bash
# The packaged units under the real systemd: makes a small Debian in build/boot (once), boots it in a container of its
# own network, and runs inside.sh in it. Needs root, debootstrap and systemd-nspawn; `./dev boot` sees to that.
# Usage: boot.sh HOOKSPOOL_BINARY
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd)
binary=$1
machine=$tree/build/boot/machine
result=$tree/build/boot/result
console=$tree/build/boot/console
# The release of this machine, for the binary needs its libraries.
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# Where this machine gets its packages; debootstrap knows a place where that does not tell.
# shellcheck disable=SC2016  # apt-get itself puts the site in
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $release" 2>/dev/null | head -n 1)
limit_seconds=300

die() {
  printf '%s\n' "boot: $*" >&2
  exit 1
}

# The packages that the binary's shared libraries come from.
packages() {
  ldd "$binary" | sed -n 's/.*=> \([^ ]*\) .*/\1/p' | xargs -n 1 realpath | while read -r library; do
    # Where /lib is a link, dpkg knows a file by its other name only.
    { dpkg-query -S "$library" || dpkg-query -S "${library#/usr}"; } 2>/dev/null | cut -d : -f 1
  done | sort -u | paste -sd ,
}

make_machine() {
  local wanted
  wanted=systemd,systemd-sysv,dbus,curl,procps,$(packages)
  [[ ! -e $machine.made || $(cat "$machine.made") != "$wanted" ]] || return 0
  rm -rf "$machine"
  mkdir -p "$machine"
  printf 'boot: making a Debian in %s\n' "$machine" >&2
  debootstrap --variant=minbase --include="$wanted" "$release" "$machine" \
    ${mirror:+"$mirror"} >"$machine.log" 2>&1 || die "debootstrap failed: see $machine.log"
  printf '%s\n' "$wanted" >"$machine.made"
}

# What an earlier run has left, and what this one is to find.
fill_machine() {
  rm -rf "$machine"/etc/systemd/system/hookspool* "$machine"/etc/systemd/system/*.wants/hookspool* \
    "$machine"/var/lib/hookspool "$machine"/etc/hookspool "$machine"/hookspool "$machine"/usr/bin/hookspool \
    "$machine"/var/log/journal
  mkdir -p "$machine/hookspool"
  cp "$binary" "$machine/hookspool/hookspool"
  cp -r "$tree/packaging" "$machine/hookspool/packaging"
  install -m 755 "$here/inside.sh" "$machine/hookspool/inside.sh"
  : >"$machine/hookspool/result"
  cat >"$machine/etc/systemd/system/boot-check.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/hookspool/inside.sh
ExecStopPost=/usr/bin/systemctl --no-block poweroff
StandardOutput=append:/hookspool/result
StandardError=append:/hookspool/result
UNIT
  mkdir -p "$machine/etc/systemd/system/graphical.target.wants"
  ln -sf ../boot-check.service "$machine/etc/systemd/system/graphical.target.wants/boot-check.service"
}

[[ -x $binary ]] || die "no such program: $binary"
make_machine
fill_machine
timeout --kill-after=10 "$limit_seconds" systemd-nspawn --quiet --keep-unit --register=no --private-network --boot \
  --directory="$machine" >"$console" 2>&1 </dev/null || true
cp "$machine/hookspool/result" "$result"
cat "$result"
grep -Eq '^checked [1-9][0-9]*, failed 0$' "$result" || die "the units do not hold; what was on the console: $console"
