cd "$OLDPWD" || exit
wait
systemctl start hookspool.socket hookspool.service
to_shop() { curl -fsS -d "$1" -H 'Authorization: Bearer two' http://127.0.0.1:8080/hooks/shop; }
to_shop '{"before":"the backup"}'
