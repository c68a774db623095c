sed -i '1i local all all trust' /etc/postgresql/*/main/pg_hba.conf
systemctl start postgresql
psql -U postgres -q -c 'CREATE ROLE _hookspool LOGIN' -c 'CREATE DATABASE app OWNER _hookspool'
sql() { psql -X -v ON_ERROR_STOP=1 -U _hookspool -d app; }
install -m 600 /dev/null /etc/hookspool/credentials/shop
echo secret >/etc/hookspool/credentials/shop
