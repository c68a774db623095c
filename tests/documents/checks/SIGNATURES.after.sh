# The genuine one alone has become an event, and the rest is discarded.
hookspool events list --json | grep -c '"origin": "quarantine"' | grep -qx 1
hookspool quarantine list --json | grep '"quarantined": \[\]'
