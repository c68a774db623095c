# The unit: its sandbox, reloads, restarts, credentials, watchdog and stop. Sourced by inside.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154  # lib.sh has what is not set here

sandboxed() {
  check "exposure is at most 1.2 (systemd-analyze security)" \
    systemd-analyze security --no-pager --threshold=12 hookspool.service
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
  mkdir -p /home/user && echo private >/home/user/file
  check "sees no home" refuse in_its_view test -e /home/user/file
  check "sees a /tmp of its own" refuse in_its_view test -e /tmp/check.log
}

reloaded() {
  local before
  before=$(agent)
  sources '[sources.late]'
  load_begin
  check "systemctl reload takes a new source" systemctl reload hookspool.service
  check "which is served at once" posted late
  check "under the same process" is "$(agent)" "$before"
  check "and the service is active" is "$(systemctl is-active hookspool.service)" active
  sources '[sources.late]
verify = "github"
secrets = [{ file = "/nowhere" }]'
  check "systemctl reload fails for a wrong configuration" refuse systemctl reload hookspool.service
  check "with the reason in the log" bash -c "journalctl -u hookspool -o cat | grep -q 'secrets.*/nowhere'"
  check "and in /health" health_has '"result": "refused"'
  check "and the old one in force" posted late
  check "and the service active" is "$(systemctl is-active hookspool.service)" active
  sources '[sources.late]
path = "/moved"'
  check "a bare SIGHUP does it, too" systemctl kill --kill-whom=main --signal=HUP hookspool.service
  check "as is soon seen" until_true 20 health_has 'sources.late.path'
  load_end
  check "reloads refused or lost no request" load_is_all_taken
  echo "        $(load_answers)"
}

restarted() {
  local before rows_before answered
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

  rows_before=$(rows_of load)
  load_begin
  until_true 20 bash -c 'grep -q 200 /tmp/load.4'
  before=$(agent)
  check "is killed" kill -9 "$before"
  check "is started again by systemd" until_true 30 bash -c "[[ \$(systemctl show -p MainPID --value hookspool) != $before ]] && curl -sf $admin/livez"
  sleep 1
  load_end
  # Requests that were in the killed process have no answer, and so are 000; they may be rows. None that was answered may be lost.
  answered=$(load_count 200)
  check "a kill -9 under load loses nothing that was answered" until_true 60 rows_are_at_least load $((rows_before + answered))
  echo "        $(load_answers), $(($(rows_of load) - rows_before)) more rows than before"
}

with_credentials() {
  local secret=/etc/hookspool/credentials/late
  install -m 600 /dev/null $secret
  echo first >$secret
  sources '[sources.late]
verify = "bearer"
secrets = [{ credential = "secret_late" }]'
  check "checks a configuration with it outside of systemd, as root" hookspool check-config
  check "takes a secret as a credential" systemctl restart hookspool.service
  check "and checks with it" is "$(status_of -H 'Authorization: Bearer first' -d 1 "$intake/hooks/late")" 200
  check "and refuses another" is "$(status_of -H 'Authorization: Bearer other' -d 1 "$intake/hooks/late")" 401
  check "which its own user cannot read elsewhere" refuse setpriv --reuid _hookspool --clear-groups cat $secret
  echo second >$secret
  systemctl reload hookspool.service
  check "a credential changes with a restart only" is "$(status_of -H 'Authorization: Bearer first' -d 1 "$intake/hooks/late")" 200
  systemctl restart hookspool.service
  check "and then it does" is "$(status_of -H 'Authorization: Bearer second' -d 1 "$intake/hooks/late")" 200
  install -m 640 -g _hookspool /dev/null /etc/hookspool/late.secret
  echo one >/etc/hookspool/late.secret
  sources '[sources.late]
verify = "bearer"
secrets = [{ file = "/etc/hookspool/late.secret" }]'
  check "takes a secret from a file by a reload" systemctl reload hookspool.service
  echo two >/etc/hookspool/late.secret
  check "and the changed one by another" systemctl reload hookspool.service
  check "which counts" is "$(status_of -H 'Authorization: Bearer two' -d 1 "$intake/hooks/late")" 200
}

watched() {
  local before
  sources ''
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
  sources '[sources.late]
max_rat = 5'
  systemctl stop hookspool.service hookspool.socket
  check "does not start with a wrong configuration" refuse systemctl start hookspool.service
  sleep 3
  check "and does not try without end" bash -c "! pgrep -x hookspool"
  check "nor once more" is "$(property NRestarts)" 0
  check "and says why" bash -c "journalctl -u hookspool -o cat -n 20 | grep -q 'did you mean \"max_rate\"'"
  sources ''
  rm -r /etc/systemd/system/hookspool.service.d
  systemctl daemon-reload
  systemctl reset-failed hookspool.service hookspool.socket 2>/dev/null
  check "starts when it is repaired" systemctl start hookspool.socket hookspool.service
}
