# shellcheck shell=bash
# What every document's session has before its first block. One shell runs all blocks of a document, as a reader would.

# wait_until SECONDS COMMAND...: until it succeeds.
wait_until() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [[ $SECONDS -lt $until ]] || {
      echo "not in time: $*" >&2
      "$@" || return 1
      return 0
    }
    sleep 0.1
  done
}

# is ACTUAL EXPECTED
is() {
  [[ $1 == "$2" ]] || {
    echo "it is '$1', not '$2'" >&2
    return 1
  }
}

terminal=
# first_terminal LINE: runs it in a terminal of its own, in place of what was there, and waits until the agent answers.
first_terminal() {
  if [[ -n $terminal ]]; then
    kill -INT -- "-$terminal" 2>/dev/null || true
    wait "$terminal" || true
  fi
  env --default-signal=INT setsid bash -c "$1" >>/tmp/first_terminal.log 2>&1 &
  terminal=$!
  wait_until 120 curl -fsS http://127.0.0.1:8080/readyz || {
    tail -n 20 /tmp/first_terminal.log >&2
    return 1
  }
  ready_in_terminal
}
ready_in_terminal() { :; }  # what else a document waits for

# sql: statements of a document, from standard input.
sql() { psql -X -v ON_ERROR_STOP=1; }

# config_holds: a configuration from standard input has no fault but files that are not there.
config_holds() {
  cat >/run/block.toml
  grep -q '^\[*sources' /run/block.toml || echo '[sources.example]' >>/run/block.toml
  local faults
  faults=$(hookspool check-config --config /run/block.toml 2>&1 | grep '^/run/block.toml:.*: ' | grep -v 'cannot be read: No such file' || true)
  [[ -z $faults ]] || {
    echo "$faults" >&2
    return 1
  }
}

# service_config: the service's configuration, with [postgres] and [sources] from standard input.
service_config() {
  {
    printf '%s\n' '[admin]' 'socket = "/run/hookspool/admin.sock"' '[journal]' 'path = "/var/lib/hookspool/journal"'
    cat
  } >/etc/hookspool/hookspool.toml
}
# secret_file NAME SECRET: /etc/hookspool/NAME.secret, which the service's group reads.
secret_file() {
  install -m 640 -g _hookspool /dev/null "/etc/hookspool/$1.secret"
  printf '%s' "$2" >"/etc/hookspool/$1.secret"
}

admin() { curl -fsS "http://127.0.0.1:8081$1"; }
# all_delivered: nothing waits any more. For wait_until.
all_delivered() {
  admin /health | /usr/bin/python3 -c '
import json, sys
health = json.load(sys.stdin)
sys.exit(health["mode"] != "online" or health["journal"]["pending"] != 0)'
}
