# An agent with events of the last days in PostgreSQL, and an application's role. The documents' psql is the schema's owner.
ip address add 10.20.30.40/32 dev lo
echo '10.20.30.40 db.example.org' >>/etc/hosts
sed -i '1i local all all trust' /etc/postgresql/*/main/pg_hba.conf
systemctl start postgresql
psql -U postgres -q -c 'CREATE ROLE _hookspool LOGIN' -c 'CREATE ROLE app LOGIN' -c 'CREATE DATABASE app OWNER _hookspool'
service_config <<'END'
[postgres]
conninfo = "host=/var/run/postgresql dbname=app user=_hookspool"
[sources.github]
END
systemctl start hookspool.service
for number in 1 2 3; do curl -fsS -d "{\"number\":$number}" http://127.0.0.1:8080/hooks/github; done
wait_until 60 all_delivered
sql() { psql -X -v ON_ERROR_STOP=1 -U _hookspool -d app; }
