# shellcheck shell=bash
# What the guides with a proxy in front of the agent have to hold, whichever it is. For checks/.

# name_here: hooks.example.com is this machine, with a certificate for it in /etc/ssl/hooks.
name_here() {
  ip address add 10.20.30.40/32 dev lo
  echo '10.20.30.40 hooks.example.com' >>/etc/hosts
  ip address add 10.20.30.51/32 dev lo  # two clients
  ip address add 10.20.30.52/32 dev lo
  mkdir -p /etc/ssl/hooks
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hooks.example.com \
    -addext subjectAltName=DNS:hooks.example.com -keyout /etc/ssl/hooks/privkey.pem -out /etc/ssl/hooks/fullchain.pem 2>/dev/null
}

# from ADDRESS [curl's arguments]: a webhook of that client; prints the status of the answer.
from() {
  local address=$1
  shift
  curl -s -o /tmp/answer -w '%{http_code}\n' --interface "$address" --cacert /etc/ssl/hooks/fullchain.pem "$@" \
    https://hooks.example.com/hooks/shop
}

# accepted: TCP or Unix connections that the agent has open.
open_connections() { admin /health | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["intake"]["connections"])'; }

# The addresses of the events, each with how many there are.
addresses() { hookspool events list --json --limit 1000 | /usr/bin/python3 -c '
import collections, json, sys
counts = collections.Counter(event["remote_addr"] for event in json.load(sys.stdin)["events"])
print(*(f"{address}={count}" for address, count in sorted(counts.items())))'; }

# taken_at_last BODY: the proxy may say that the agent is away (503) for as long as its checks take to see it again; it loses no request.
taken_at_last() {
  local answer=503 until=$((SECONDS + 60))
  while [[ $answer == 503 && $SECONDS -lt $until ]]; do answer=$(from 10.20.30.51 -d "$1"); done
  is "$answer" 200
}

# set_right RESTART...: everything of the guide's table. The command restarts the proxy.
set_right() {
  # The one event is the client's, whose address is the listener's own here.
  is "$(addresses)" '10.20.30.40=1'
  # A client cannot choose its address.
  is "$(from 10.20.30.51 -d 1 -H 'X-Forwarded-For: 203.0.113.9')" 200
  is "$(from 10.20.30.51 -d 2 -H 'X-Forwarded-For: 203.0.113.9, 127.0.0.1')" 200
  is "$(from 10.20.30.52 -d 3 -H 'Forwarded: for=203.0.113.9')" 200
  is "$(addresses)" '10.20.30.40=1 10.20.30.51=2 10.20.30.52=1'

  # Bodies: as large as the agent takes, and one byte more.
  head -c 1048576 /dev/zero | tr '\0' x >/tmp/large
  is "$(from 10.20.30.51 --data-binary @/tmp/large)" 200
  echo x >>/tmp/large
  is "$(from 10.20.30.51 --data-binary @/tmp/large)" 413

  # The proxy's connection to the agent is used again, not opened for each request.
  local i
  for i in {1..20}; do is "$(from 10.20.30.51 -d "$i")" 200; done
  local open
  open=$(open_connections)
  [[ $open -ge 1 && $open -le 4 ]] || {
    echo "$open connections for one request after another" >&2
    return 1
  }
  # The agent is restarted and its idle connections with it: the proxy does not write a request into one of them.
  for i in {1..3}; do
    systemctl restart hookspool.service
    taken_at_last "$i"
  done
  # And the proxy, under a client.
  "$@"
  taken_at_last 1

  # A client that is limited by its address: what fits no secret is kept per address. One sends 300, the other is not pushed aside.
  cat >>/etc/hookspool/hookspool.toml <<'END'
[sources.signed]
verify = "github"
secrets = [{ file = "/etc/hookspool/signed.secret" }]
on_bad_signature = "quarantine"
END
  secret_file signed secret
  systemctl reload hookspool.service
  local signature
  signature="X-Hub-Signature-256: sha256=$(printf %064d 0)"
  curl -s -o /dev/null --interface 10.20.30.51 --cacert /etc/ssl/hooks/fullchain.pem -d 1 -H "$signature" \
    'https://hooks.example.com/hooks/signed?[1-300]'
  curl -s -o /dev/null --interface 10.20.30.52 --cacert /etc/ssl/hooks/fullchain.pem -d 1 -H "$signature" \
    https://hooks.example.com/hooks/signed
  hookspool quarantine list --json >/tmp/quarantine
  /usr/bin/python3 - <<'END'
import collections, json
kept = collections.Counter(request["remote_addr"] for request in json.load(open("/tmp/quarantine"))["quarantined"])
assert kept["10.20.30.52"] == 1 and 0 < kept["10.20.30.51"] < 300 and len(kept) == 2, kept
END
}
