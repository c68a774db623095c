# What is installed runs, with sources of its own.
systemctl stop hookspool.socket hookspool.service
cat >/etc/hookspool/hookspool.toml <<'END'
[admin]
socket = "/run/hookspool/admin.sock"
[journal]
path = "/var/lib/hookspool/journal"
[postgres]
pool_size = 10
[sources.shop]
verify = "bearer"
secrets = [{ file = "/etc/hookspool/shop.secret" }]
END
install -m 640 -g _hookspool /dev/null /etc/hookspool/shop.secret
echo one >/etc/hookspool/shop.secret
systemctl start hookspool.socket hookspool.service
# The changes that the transcript shows.
echo two >/etc/hookspool/shop.secret
sed -i 's/pool_size = 10/pool_size = 12/' /etc/hookspool/hookspool.toml
echo '[sources.late]' >>/etc/hookspool/hookspool.toml
