#!/usr/bin/env bash
# Once, in the throwaway machine on which all documents' machines stand: an empty PostgreSQL as Debian's package makes it, and
# hookspool as OPERATIONS.md, Install, installs it, both stopped. Arguments: the tree; another agent than its own, which `./dev run` then
# starts without building anything.
set -euo pipefail
tree=$1 other_agent=${2:-}
machine=$tree/tests/documents/programs
[[ -f /run/throwaway-machine ]] || {
  echo "this deletes databases: it is for tests/documents/run.py" >&2
  exit 64
}

install -m 755 "$machine/systemctl" "$machine/apt" /usr/local/bin/
ln -sf apt /usr/local/bin/apt-get
command -v sudo >/dev/null || install -m 755 "$machine/sudo" /usr/local/bin/

# Whatever databases and services the real machine has are none of this one's.
rm -rf /etc/postgresql/* /var/lib/postgresql/* /var/log/postgresql/* /etc/hookspool /var/lib/hookspool "${tree:?}/var"
rm -f /usr/bin/hookspool /etc/systemd/system/hookspool* /etc/systemd/system/multi-user.target.wants/hookspool*
version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
pg_createcluster "$version" main -- --no-sync >/dev/null

if [[ -n $other_agent ]]; then
  install -D -m 755 "$other_agent" "$tree/build/release/hookspool"
  cat >"$tree/dev" <<'DEV'
#!/bin/bash
[[ $1 == run ]] || exit 64
shift
mkdir -p var
HOOKSPOOL_CONFIG='' exec build/release/hookspool run "$@"
DEV
fi
install -m 755 "$tree/build/release/hookspool" /usr/bin/hookspool
install -D -m 644 "$tree/packaging/sysusers.d/hookspool.conf" /usr/lib/sysusers.d/hookspool.conf
systemd-sysusers
install -d -m 750 -g _hookspool /etc/hookspool
install -d -m 700 /etc/hookspool/credentials
install -m 640 -g _hookspool "$tree/packaging/hookspool.toml" /etc/hookspool/
install -m 644 "$tree"/packaging/systemd/hookspool.{service,socket} /etc/systemd/system/
