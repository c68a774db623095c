# The source that is printed below the table fills it.
{
  printf '[admin]\nsocket = "/run/hookspool/admin.sock"\n[journal]\npath = "/var/lib/hookspool/journal"\n'
  printf '[postgres]\nconninfo = "host=/var/run/postgresql dbname=app user=_hookspool"\n'
  sed -n '/^\[sources.messenger\]/,/^```/p' CONFIGURATION.md | sed '/^```/,$d'
} >/etc/hookspool/hookspool.toml
hookspool doctor
systemctl start hookspool.service
curl -fsS -d '{"entry":[{"messaging":[{"sender":{"id":"7"},"message":{"text":"one"},"timestamp":1764000000000},
  {"sender":{"id":"8"},"message":{"text":"two"},"timestamp":1764000000001}]}]}' http://127.0.0.1:8080/hooks/messenger
wait_until 60 all_delivered
is "$(psql -U _hookspool -d app -qAtc "SELECT string_agg(item || user_id || message, ' ' ORDER BY item) FROM messages")" '07one 18two'
