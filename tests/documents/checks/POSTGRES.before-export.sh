psql -U _hookspool -d app -qc "UPDATE hookspool.events SET received_at = '2026-11-15 12:00+00'"
unset DATABASE_URL  # of Connecting: the configuration's counts anyway
