# The provider's machine: TLS only, with an authority of its own.
ip address add 10.20.30.40/32 dev lo
echo '10.20.30.40 db.example.com' >>/etc/hosts
# certificate AUTHORITY FOLDER: for db.example.com
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$2/ca.key" -out "$2/ca.crt"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db.example.com -keyout "$2/server.key" -out "$2/server.csr"
  openssl x509 -req -in "$2/server.csr" -CA "$2/ca.crt" -CAkey "$2/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo subjectAltName=DNS:db.example.com) -out "$2/server.crt"
  chown postgres "$2/server.key"
  chmod 755 "$2"
} 2>/dev/null
mkdir /tmp/provider /tmp/impostor
certificate provider /tmp/provider
certificate impostor /tmp/impostor
cp /tmp/provider/ca.crt /etc/hookspool/ca.crt
settings=$(echo /etc/postgresql/*/main)
# serves FOLDER: with that certificate
serves() {
  cat >"$settings/conf.d/provider.conf" <<END
listen_addresses = '10.20.30.40'
ssl = on
ssl_cert_file = '$1/server.crt'
ssl_key_file = '$1/server.key'
END
  systemctl restart postgresql
}
printf 'local all postgres peer\nhostssl all all all scram-sha-256\n' >"$settings/pg_hba.conf"
serves /tmp/provider
sudo -u postgres psql -q -c "CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'not-a-secret-1'" -c 'CREATE DATABASE app OWNER admin'
