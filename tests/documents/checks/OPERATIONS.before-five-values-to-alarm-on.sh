# The backup put back as the text says: what was in it is there, what came later is not, and the next is taken.
to_shop '{"after":"the backup"}'
systemctl stop hookspool.socket hookspool.service
mkdir /tmp/restore
tar -C /tmp/restore -xzf hookspool-backup.tar.gz
rm hookspool-backup.tar.gz
[[ -f /tmp/restore/hookspool/shop.secret ]]
rm -r /var/lib/hookspool/journal
cp -a /tmp/restore/journal.copy /var/lib/hookspool/journal
systemctl start hookspool.socket hookspool.service
to_shop '{"next":1}'
is "$(hookspool events list --json | grep -c '"state": "waiting"')" 2
