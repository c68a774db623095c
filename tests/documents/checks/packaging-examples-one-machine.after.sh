is "$(sudo -u postgres psql -qAt -d app -c 'SELECT number FROM app.pulls')" 1
# A start without PostgreSQL takes webhooks, and they arrive when it comes.
systemctl stop postgresql
systemctl restart hookspool.service
body='{"action":"closed","number":2}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(cat /etc/hookspool/github.secret)" -r | cut -d ' ' -f 1)
curl -fsS -d "$body" -H "X-Hub-Signature-256: sha256=$signature" http://127.0.0.1:8080/hooks/github
is "$(curl -s -o /dev/null -w '%{http_code}' -d "$body" -H 'X-Hub-Signature-256: sha256=00' http://127.0.0.1:8080/hooks/github)" 401
systemctl start postgresql
hookspool retry
wait_until 60 all_delivered
is "$(sudo -u postgres psql -qAt -d app -c 'SELECT count(*) FROM hookspool.events')" 2
