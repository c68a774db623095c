orders() { sudo -u postgres psql -qAt -d app -c "SELECT string_agg(payload ->> 'order', ' ' ORDER BY id) FROM hookspool.events"; }
there() { is "$(orders)" "$1"; }
# The repeat of a delivery that the old machine took is one here as well.
curl -fsS -d '{"order":"4"}' http://127.0.0.1:8080/hooks/shop | grep '"duplicate":true'
systemctl start postgresql
hookspool retry
wait_until 60 there '1 2 3 4 5'
# The old one is started all the same, with the same events waiting and one of its own.
sed 's/8081/8291/; s#/run/hookspool/admin.sock#/tmp/old/admin.sock#; s#hookspool/journal#hookspool/journal.unused#' /etc/hookspool/hookspool.toml >/etc/hookspool/old.toml
printf '[intake]\nlisten = "127.0.0.1:8280"\n' >>/etc/hookspool/old.toml
sed -i 's/^socket = .*/listen = "127.0.0.1:8281"/' /etc/hookspool/old.toml
sudo -u _hookspool hookspool run --config /etc/hookspool/old.toml 2>/tmp/old.log &
wait_until 60 curl -fsS http://127.0.0.1:8280/readyz
curl -fsS -d '{"order":"6"}' http://127.0.0.1:8280/hooks/shop
curl -fsS -d '{"order":"7"}' http://127.0.0.1:8080/hooks/shop
wait_until 60 there '1 2 3 4 5 6 7'
is "$(sudo -u postgres psql -qAt -d app -c 'SELECT count(*) FROM hookspool.dead_letters')" 0
hookspool verify
