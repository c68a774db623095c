rows() { psql -h /tmp -p 5544 -U postgres -qAt -c 'select count(*), count(distinct payload) from hookspool.events'; }
all_rows() { is "$(rows)" '3|3'; }
wait_until 90 all_rows
# Cleaning up, as the text says.
kill -INT -- "-$terminal"
wait "$terminal" || true
database stop
sudo rm -r /tmp/try-pg var/journal
