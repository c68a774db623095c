# What is installed runs, with sources of its own.
systemctl stop hookspool.socket hookspool.service
service_config <<'END'
[postgres]
pool_size = 10
[sources.shop]
verify = "bearer"
secrets = [{ file = "/etc/hookspool/shop.secret" }]
END
secret_file shop one
systemctl start hookspool.socket hookspool.service
# The changes that the transcript shows.
echo two >/etc/hookspool/shop.secret
sed -i 's/pool_size = 10/pool_size = 12/' /etc/hookspool/hookspool.toml
echo '[sources.late]' >>/etc/hookspool/hookspool.toml
