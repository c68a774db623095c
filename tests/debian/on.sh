#!/usr/bin/env bash
# Runs a command in this tree on another release of Debian. A root of that release is made once, with debootstrap, in
# build/on/RELEASE/root; the tree is mounted in it, with a build folder of its own (build/on/RELEASE/build). The command has
# mounts and processes of its own, which end with it, and this machine's network. Needs root; `./dev on` sees to that.
# Usage: on.sh RELEASE COMMAND...   (COMMAND is one of ./dev's, or -- and any program with its arguments)
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
releases='bookworm trixie'

die() {
  printf '%s\n' "on: $*" >&2
  exit 1
}

# Where this machine gets its packages; nothing, and debootstrap's own choice, where apt does not say.
mirror() {
  # shellcheck disable=SC2016  # apt-get itself puts the site in
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -n 1
}

make_root() {  # make_root RELEASE FOLDER
  local release=$1 root=$2/root log=$2/debootstrap.log from
  [[ ! -e $2/made ]] || return 0
  rm -rf "$root"
  mkdir -p "$root"
  printf '%s\n' "on: making a Debian ($release) in $root" >&2
  from=$(mirror)
  debootstrap --variant=minbase --include=ca-certificates "$release" "$root" ${from:+"$from"} >"$log" 2>&1 ||
    die "debootstrap failed: see $log"
  : >"$2/made"
}

# inside ROOT BUILD COMMAND...: in a mount and process namespace of its own.
inside() {
  local root=$1 build=$2
  shift 2
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  cp --dereference /etc/resolv.conf /etc/hosts "$root/etc/"
  mkdir -p "$root/hookspool" "$tree/build" "$build"
  mount --bind "$tree" "$root/hookspool"
  mount --bind "$build" "$root/hookspool/build"
  local name kept=()
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY TERM NO_COLOR; do
    [[ -z ${!name:-} ]] || kept+=("$name=${!name}")
  done
  exec env --ignore-environment HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${kept[@]}" chroot "$root" sh -c 'cd /hookspool && exec "$@"' on "$@"
}

if [[ ${1:-} == --inside ]]; then
  shift
  inside "$@"
fi

[[ $# -ge 2 ]] || die "usage: ./dev on RELEASE COMMAND... (a release: $releases; a command of ./dev, or -- and any program)"
release=$1
shift
[[ " $releases " == *" $release "* ]] || die "no such release: '$release'; there are: $releases"
if [[ $1 == -- ]]; then
  shift
  [[ $# -gt 0 ]] || die "no program after --"
else
  set -- ./dev "$@"
fi
[[ $(id -u) -eq 0 ]] || die "needs root: a root of another release is made and entered"
folder=$tree/build/on/$release
mkdir -p "$folder/build"
exec 9>"$folder/lock"
flock --nonblock 9 || die "$folder is in use by another command"
make_root "$release" "$folder"
status=0
# The lock is this script's alone: a process that survives its command must not hold it.
unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" --inside "$folder/root" "$folder/build" "$@" 9>&- || status=$?
exit "$status"
