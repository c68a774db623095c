is "$(wc -l <november.jsonl)" 3
rm november.jsonl
psql -U app -d app -qAtc "SELECT count(*) FROM hookspool.consume('billing', 10)"
is "$(psql -U _hookspool -d app -qAtc "SELECT count(*) FROM pg_inherits WHERE inhparent = 'hookspool.events'::regclass" | awk '{print ($1 > 10)}')" 1
