#!/usr/bin/env bash
# Runs inside the booted machine that boot.sh has made, as root: installs the units as the README says, and holds them
# to what they promise. One line a check, "ok ..." or "FAILED ..."; the last line is the count.
set -uo pipefail

intake=http://127.0.0.1:8080
admin=http://127.0.0.1:8081
checks=0
failures=0

check() {  # check WHAT COMMAND...: the command must succeed
  local what=$1
  shift
  checks=$((checks + 1))
  if "$@" >/tmp/check.log 2>&1; then
    echo "ok      $what"
  else
    failures=$((failures + 1))
    echo "FAILED  $what: $*"
    sed 's/^/        /' /tmp/check.log
    journalctl --no-pager -o cat -n 8 -u hookspool.service -u hookspool.socket 2>&1 | sed 's/^/        /'
  fi
}
refuse() { ! "$@"; }

until_true() {  # until_true SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [[ $SECONDS -lt $deadline ]] || return 1
    sleep 0.1
  done
}

is() { [[ $1 == "$2" ]] || { echo "'$1' instead of '$2'"; return 1; }; }
property() { systemctl show --property="$1" --value hookspool.service; }
agent() { property MainPID; }
status_of() { curl -s -o /dev/null -m 20 -w '%{http_code}' "$@"; }
post() { status_of -d "{\"n\":${2:-1}}" "$intake/hooks/$1"; }
posted() { is "$(post "$@")" 200; }
health() { curl -s -m 10 "$admin/health"; }
health_has() { health | grep -q "$1"; }
of_process() { grep -q "^$1:[[:space:]]*$2" "/proc/$(agent)/status"; }
own_namespace() { [[ $(readlink "/proc/$(agent)/ns/$1") != "$(readlink "/proc/1/ns/$1")" ]]; }
in_its_view() { nsenter -t "$(agent)" -m -- "$@"; }
waiting() { health | sed -n 's/^    "pending": \([0-9]*\),$/\1/p' | head -n 1; }

# Four senders, each a connection a request, until load_end. Every answer is written down.
load_begin() {
  rm -f /tmp/load.*
  : >/tmp/load.on
  local i
  for i in 1 2 3 4; do
    while [[ -e /tmp/load.on ]]; do
      post load "$i" >>"/tmp/load.$i" || true
      echo >>"/tmp/load.$i"
    done &
  done
}
load_end() {
  rm -f /tmp/load.on
  wait
}
load_answers() { cat /tmp/load.[1-4] | sort | uniq -c | tr -s ' \n' ' '; }
load_count() { cat /tmp/load.[1-4] | grep -c "$1"; }
load_is_all_taken() {
  load_answers
  [[ $(load_count 200) -gt 20 && $(cat /tmp/load.[1-4] | grep -vc '^200$') -eq 0 ]]
}

install_it() {
  set -e
  install -m 755 /hookspool/hookspool /usr/bin/
  install -D -m 644 /hookspool/packaging/sysusers.d/hookspool.conf /usr/lib/sysusers.d/hookspool.conf
  systemd-sysusers
  install -d -m 750 -g _hookspool /etc/hookspool
  install -m 640 -g _hookspool /hookspool/packaging/hookspool.toml /etc/hookspool/
  install -m 644 /hookspool/packaging/systemd/hookspool.service /hookspool/packaging/systemd/hookspool.socket /etc/systemd/system/
  systemctl daemon-reload
  systemctl enable --now hookspool.socket hookspool.service
}

sources() {  # the sources of the configuration from now on
  { sed '/^#* *--- test ---/,$d' /etc/hookspool/hookspool.toml && printf '# --- test ---\n%s\n' "$1"; } >/tmp/new.toml
  cat /tmp/new.toml >/etc/hookspool/hookspool.toml
}

drop_in() {  # drop_in NAME LINES
  mkdir -p /etc/systemd/system/hookspool.service.d
  printf '[Service]\n%s\n' "$2" >"/etc/systemd/system/hookspool.service.d/$1.conf"
  systemctl daemon-reload
}

installed() {
  check "installs as the README says" bash -c "$(declare -f install_it); install_it"
  check "is active" is "$(systemctl is-active hookspool.service)" active
  check "tells systemd how it is" until_true 15 bash -c "systemctl show -p StatusText hookspool | grep -q journal-only"
  check "takes a webhook" posted test
  check "runs as its own user" of_process Uid "$(id -u _hookspool)"
  check "keeps its journal for itself" is "$(stat -c '%U %a' /var/lib/hookspool)" "_hookspool 750"
  check "answers its commands over the admin socket" hookspool reload
  check "names its configuration" bash -c "journalctl -u hookspool -o cat | grep -q 'configuration /etc/hookspool/hookspool.toml'"
  check "tells who may use the admin socket" bash -c "setpriv --reuid nobody --clear-groups hookspool dead list --socket /run/hookspool/admin.sock 2>&1 | grep -q 'this user may not use'"
  check "logs to the journal with levels" bash -c "journalctl -u hookspool -p info -o cat | grep -q 'intake listening'"
}

sandboxed() {
  check "exposure is at most 1.5 (systemd-analyze security)" \
    systemd-analyze security --no-pager --threshold=15 hookspool.service
  systemd-analyze security --no-pager hookspool.service | tail -n 1
  check "has no capability" of_process CapEff 0000000000000000
  check "cannot get one" of_process CapBnd 0000000000000000
  check "cannot get new privileges" of_process NoNewPrivs 1
  check "filters system calls" of_process Seccomp 2
  check "has a mount namespace of its own" own_namespace mnt
  check "has a user namespace of its own" own_namespace user
  check "sees /usr read only" refuse in_its_view touch /usr/x
  check "sees /etc read only" refuse in_its_view touch /etc/hookspool/x
  check "may write where its journal is" in_its_view test -w /var/lib/hookspool
  mkdir -p /home/somebody && echo private >/home/somebody/file
  check "sees no home" refuse in_its_view test -e /home/somebody/file
  check "sees a /tmp of its own" refuse in_its_view test -e /tmp/check.log
}

reloaded() {
  local before
  before=$(agent)
  sources '[sources.load]
[sources.late]'
  load_begin
  check "systemctl reload takes a new source" systemctl reload hookspool.service
  check "which is served at once" posted late
  check "under the same process" is "$(agent)" "$before"
  check "and the service is active" is "$(systemctl is-active hookspool.service)" active
  sources '[sources.load]
[sources.late]
verify = "github"
secrets = [{ file = "/nowhere" }]'
  check "systemctl reload fails for a wrong configuration" refuse systemctl reload hookspool.service
  check "with the reason in the log" bash -c "journalctl -u hookspool -o cat | grep -q 'secrets.*/nowhere'"
  check "and in /health" health_has '"result": "refused"'
  check "and the old one in force" posted late
  check "and the service active" is "$(systemctl is-active hookspool.service)" active
  sources '[sources.load]
[sources.late]
path = "/moved"'
  check "a bare SIGHUP does it, too" systemctl kill --kill-whom=main --signal=HUP hookspool.service
  check "as is soon seen" until_true 20 health_has 'sources.late.path'
  load_end
  check "reloads refused or lost no request" load_is_all_taken
  echo "        $(load_answers)"
}

restarted() {
  local before waiting_before
  load_begin
  until_true 20 bash -c 'grep -q 200 /tmp/load.4'
  before=$(agent)
  check "restarts" systemctl restart hookspool.service
  check "as another process" refuse is "$(agent)" "$before"
  check "and once more" systemctl restart hookspool.service
  sleep 1
  load_end
  check "restarts under load refused no connection" load_is_all_taken
  echo "        $(load_answers)"

  waiting_before=$(waiting)
  load_begin
  until_true 20 bash -c 'grep -q 200 /tmp/load.4'
  before=$(agent)
  check "is killed" kill -9 "$before"
  check "is started again by systemd" until_true 30 bash -c "[[ \$(systemctl show -p MainPID --value hookspool) != $before ]] && curl -sf $admin/livez"
  sleep 1
  load_end
  # Requests that were in the killed process have no answer, and so are 000; none may be refused, and none lost.
  check "a kill -9 under load loses nothing that was answered" \
    bash -c "(( $(waiting) - $waiting_before >= $(load_count 200) ))"
  echo "        $(load_answers), $(($(waiting) - waiting_before)) more wait than before"
}

with_credentials() {
  install -m 600 /dev/null /root/late.secret
  echo first >/root/late.secret
  sources '[sources.load]
[sources.late]
verify = "bearer"
secrets = [{ credential = "late" }]'
  drop_in credential 'LoadCredential=late:/root/late.secret'
  check "takes a secret as a credential" systemctl restart hookspool.service
  check "and checks with it" is "$(status_of -H 'Authorization: Bearer first' -d 1 "$intake/hooks/late")" 200
  check "and refuses another" is "$(status_of -H 'Authorization: Bearer other' -d 1 "$intake/hooks/late")" 401
  check "which its own user cannot read elsewhere" refuse in_its_view cat /root/late.secret
  echo second >/root/late.secret
  systemctl reload hookspool.service
  check "a credential changes with a restart only" is "$(status_of -H 'Authorization: Bearer first' -d 1 "$intake/hooks/late")" 200
  systemctl restart hookspool.service
  check "and then it does" is "$(status_of -H 'Authorization: Bearer second' -d 1 "$intake/hooks/late")" 200
  install -m 640 -g _hookspool /dev/null /etc/hookspool/late.secret
  echo one >/etc/hookspool/late.secret
  sources '[sources.load]
[sources.late]
verify = "bearer"
secrets = [{ file = "/etc/hookspool/late.secret" }]'
  check "takes a secret from a file by a reload" systemctl reload hookspool.service
  echo two >/etc/hookspool/late.secret
  check "and the changed one by another" systemctl reload hookspool.service
  check "which counts" is "$(status_of -H 'Authorization: Bearer two' -d 1 "$intake/hooks/late")" 200
}

watched() {
  local before
  sources '[sources.load]'
  drop_in watchdog $'WatchdogSec=4\nTimeoutAbortSec=2'
  systemctl restart hookspool.service
  before=$(agent)
  sleep 6
  check "feeds the watchdog" is "$(agent)" "$before"
  check "stands still" kill -STOP "$before"
  check "is replaced by the watchdog" until_true 60 bash -c "[[ \$(systemctl show -p MainPID --value hookspool) != $before ]] && curl -sf -m 2 $admin/livez"
  check "as the log says" bash -c "journalctl -u hookspool -o cat | grep -qi watchdog"
}

stopped() {
  local began=$SECONDS
  # One request is on its way when the stop comes: it has a second to arrive whole.
  (
    exec 3<>/dev/tcp/127.0.0.1/8080
    printf 'POST /hooks/load HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n1' >&3
    sleep 0.7
    printf '2' >&3
    head -n 1 <&3 >/tmp/slow.answer
  ) &
  local slow=$!
  sleep 0.3
  check "stops" systemctl stop hookspool.service
  check "well within TimeoutStopSec" test $((SECONDS - began)) -lt 15
  wait "$slow"
  check "having answered what was on its way" grep -q '^HTTP/1.1 200' /tmp/slow.answer
  check "and ended by itself" is "$(property Result)" success
  check "with the journal closed" bash -c "journalctl -u hookspool -o cat -n 5 | grep -q 'stopped: .* events wait'"
  # The socket is still there: a connection wakes the service.
  check "is started by the next connection" posted load
  sources '[sources.load]
max_rat = 5'
  systemctl stop hookspool.service hookspool.socket
  check "does not start with a wrong configuration" refuse systemctl start hookspool.service
  sleep 3
  check "and does not try for ever" bash -c "! pgrep -x hookspool"
  check "nor once more" is "$(property NRestarts)" 0
  check "and says why" bash -c "journalctl -u hookspool -o cat -n 20 | grep -q 'did you mean \"max_rate\"'"
}

installed
# Without that, the rest would say nothing.
[[ $failures -eq 0 ]] || { echo "checked $checks, failed $failures"; exit 1; }
sandboxed
reloaded
restarted
with_credentials
watched
stopped
echo "checked $checks, failed $failures"
