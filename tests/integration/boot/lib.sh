# What the checks of a booted machine have in common. Sourced by inside.sh.
# shellcheck shell=bash

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
health_has() { grep -q "$1" <<<"$(health)"; }
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

sources() {  # the sources of the configuration from now on
  { sed '/^#* *--- test ---/,$d' /etc/hookspool/hookspool.toml && printf '# --- test ---\n%s\n' "$1"; } >/tmp/new.toml
  cat /tmp/new.toml >/etc/hookspool/hookspool.toml
}

drop_in() {  # drop_in NAME LINES
  mkdir -p /etc/systemd/system/hookspool.service.d
  printf '[Service]\n%s\n' "$2" >"/etc/systemd/system/hookspool.service.d/$1.conf"
  systemctl daemon-reload
}
