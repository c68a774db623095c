# The package: install, upgrade under load, downgrade, a full disk, remove and purge. Sourced by inside.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154  # lib.sh has what is not set here

journal=/var/lib/hookspool/journal
export DEBIAN_FRONTEND=noninteractive

apt_get() { apt-get -q -y -o Dpkg::Options::=--force-confold "$@" >/tmp/apt.log 2>&1 || { tail -n 15 /tmp/apt.log; return 1; }; }
installed_version() { dpkg-query -W -f '${Version}' hookspool; }
pg() { (cd / && runuser -u postgres -- "$@"); }
rows_of() { pg psql -d hookspool_test -Atc "select count(*) from hookspool.events where source = '$1'" 2>/dev/null; }
distinct_rows_of() { pg psql -d hookspool_test -Atc "select count(distinct id) from hookspool.events where source = '$1'" 2>/dev/null; }
rows_are() { is "$(rows_of "$1")" "$2" && is "$(distinct_rows_of "$1")" "$2"; }
rows_are_at_least() { [[ $(rows_of "$1") -ge $2 && $(distinct_rows_of "$1") == "$(rows_of "$1")" ]]; }
nothing_waits() { is "$(waiting)" 0; }

installed() {
  check "installs with apt, and asks nothing" apt_get install /hookspool/previous.deb
  check "is active" is "$(systemctl is-active hookspool.service)" active
  check "with its socket" is "$(systemctl is-active hookspool.socket)" active
  check "both start with the machine" systemctl is-enabled hookspool.service hookspool.socket
  check "reports its state to systemd" until_true 15 bash -c "systemctl show -p StatusText hookspool | grep -q journal-only"
  check "takes a webhook" posted test
  check "runs as its own user" of_process Uid "$(id -u _hookspool)"
  check "keeps its journal for itself" is "$(stat -c '%U %a' /var/lib/hookspool)" "_hookspool 750"
  check "answers its commands over the admin socket" hookspool reload
  check "names its configuration" bash -c "journalctl -u hookspool -o cat | grep -q 'configuration /etc/hookspool/hookspool.toml'"
  check "says who may use the admin socket" bash -c "setpriv --reuid nobody --clear-groups hookspool dead list --socket /run/hookspool/admin.sock 2>&1 | grep -q 'this user may not use'"
  check "logs to the journal with levels" bash -c "journalctl -u hookspool -p info -o cat | grep -q 'intake listening'"
  check "has a folder for secrets that root alone may enter" is "$(stat -c '%U %a' /etc/hookspool/credentials)" "root 700"
  check "has its configuration as a conffile" bash -c "dpkg-query -W -f '\${Conffiles}' hookspool | grep -q '^ /etc/hookspool/hookspool.toml '"
}

# Debian's own test of an installed package, as it is: it makes the database that everything below delivers to.
autopkgtested() {
  check "has a PostgreSQL" until_true 60 pg psql -qc 'select 1'
  check "passes its autopkgtest" /hookspool/delivers
  check "has delivered what came before there was a PostgreSQL" until_true 60 rows_are test 1
  printf '[sources.load]\n' >/etc/hookspool/sources.d/load.toml
  printf '[sources.test]\n' >/etc/hookspool/sources.d/test.toml
  check "takes sources from /etc/hookspool/sources.d" bash -c "hookspool check-config | grep -q 'source    load at /hooks/load'"
  check "by a reload" systemctl reload hookspool.service
}

upgraded() {
  local before answered
  before=$(rows_of load)
  load_begin
  until_true 20 bash -c 'grep -q 200 /tmp/load.4'
  check "upgrades under load" apt_get install /hookspool/hookspool.deb
  check "to the new version" refuse is "$(installed_version)" 0.0.9
  sleep 1
  load_end
  echo "        $(load_answers)"
  answered=$(load_count 200)
  check "an upgrade refuses no connection" load_is_all_taken
  check "and loses no event of $answered" until_true 60 rows_are load $((before + answered))
  check "the service is the new one" is "$(systemctl show -p ActiveState --value hookspool)" active
}

downgraded() {
  local version segment newer=$journal/segment-90000001.db
  version=$(installed_version)
  segment=$(find "$journal" -name 'segment-*.db' | sort | head -n 1)
  cp "$segment" "$newer"
  printf '\0\0\0\143' | dd of="$newer" bs=1 seek=60 conv=notrunc status=none
  check "a downgrade is refused where the journal has a newer format" refuse apt_get install --allow-downgrades /hookspool/previous.deb
  check "with the reason" grep -q 'was written by a newer hookspool (format 99' /tmp/apt.log
  check "the installed one is left as it was" is "$(installed_version)" "$version"
  check "and goes on" posted test
  rm "$newer"
  check "nothing is broken by it" apt_get install /hookspool/hookspool.deb
  load_begin
  until_true 20 bash -c 'grep -q 200 /tmp/load.4'
  check "a downgrade with the same format is an installation like another" apt_get install --allow-downgrades /hookspool/previous.deb
  check "and back" apt_get install /hookspool/hookspool.deb
  load_end
  check "which refuse no connection either" load_is_all_taken
}

# The journal on a file system of 40 MiB that another file fills.
with_a_full_disk() {
  systemctl stop hookspool.socket hookspool.service
  mkdir -p /tmp/small
  mount -t tmpfs -o size=40m,mode=0755 tmpfs /tmp/small
  install -d -o _hookspool -g _hookspool -m 0700 /tmp/small/journal
  mkdir -p "$journal.full"
  mount --bind /tmp/small "$journal.full"
  chown _hookspool: "$journal.full"
  cp /etc/hookspool/hookspool.toml /tmp/before.toml
  sed -i -e "s|^path = \"$journal\"|path = \"$journal.full/journal\"|" -e 's|^#min_free_bytes.*|min_free_bytes = "4MiB"|' \
    -e 's|^#max_bytes = "2GiB"|max_bytes = "30MiB"|' /etc/hookspool/hookspool.toml
  check "starts on a small disk" systemctl start hookspool.socket hookspool.service
  check "and takes a webhook" posted load
  dd if=/dev/zero of=/tmp/small/filler bs=64k status=none 2>/dev/null
  check "a full disk is a 503" until_true 20 bash -c "[[ \$(curl -s -o /dev/null -w '%{http_code}' -d 1 $intake/hooks/load) == 503 ]]"
  check "with a time to try again" bash -c "curl -s -i -d 1 $intake/hooks/load | grep -qi '^retry-after: '"
  check "and no end of the service" is "$(systemctl is-active hookspool.service)" active
  rm /tmp/small/filler
  check "room again is a 200 again" until_true 30 posted load
  systemctl stop hookspool.socket hookspool.service
  cp /tmp/before.toml /etc/hookspool/hookspool.toml
  umount "$journal.full" /tmp/small
  rmdir "$journal.full"
  check "is back on its own disk" systemctl start hookspool.socket hookspool.service
}

removed() {
  systemctl restart hookspool.service
  check "delivers all" until_true 60 nothing_waits
  rows_before_outage=$(rows_of load)
  systemctl stop 'postgresql@*' postgresql
  check "PostgreSQL goes away" until_true 30 refuse pg psql -qc 'select 1'
  check "takes an event in an outage" posted load
  check "can be removed" apt_get remove hookspool
  check "nothing of it runs" refuse pgrep -x hookspool
  check "nor listens" refuse posted load
  check "its journal is left, with a note of what waits" grep -qx 'waiting 1' "$journal/stopped"
  check "so is its configuration" test -f /etc/hookspool/hookspool.toml
}

purged() {
  check "can be purged with events that wait" apt_get purge hookspool
  check "which leaves the journal" test -d "$journal"
  check "and says why" grep -q 'holds 1 events that are not in PostgreSQL' /tmp/apt.log
  check "installs again" apt_get install /hookspool/hookspool.deb
  install -m 640 -g _hookspool /dev/null /etc/hookspool/environment
  echo 'DATABASE_URL=postgresql:///hookspool_test?host=/run/postgresql' >/etc/hookspool/environment
  systemctl start postgresql "postgresql@$(pg_lsclusters -h | head -n 1 | cut -d " " -f 1)-main"
  systemctl restart hookspool.service
  check "and delivers them" until_true 90 rows_are load $((rows_before_outage + 1))
  check "all" until_true 60 nothing_waits
  rm /etc/hookspool/environment /etc/hookspool/sources.d/*.toml
  rm -f /etc/hookspool/late.secret /etc/hookspool/credentials/*
  check "can be purged drained" apt_get purge hookspool
  check "which deletes the journal" refuse test -e /var/lib/hookspool
  check "and the configuration" refuse test -e /etc/hookspool
  check "and leaves no unit behind" bash -c "! find /etc/systemd /lib/systemd/system /usr/lib/systemd/system -name '*hookspool*' | grep -q ."
}
