# As in the image: its user, its configuration, a root that cannot be written to, one volume. No container engine.
groupadd --system --gid 480 in_the_image
useradd --system --uid 480 --gid 480 --no-create-home in_the_image
mkdir -p /var/lib/hookspool
chown 480:480 /var/lib/hookspool
install -m 644 packaging/container/hookspool.toml /etc/hookspool/hookspool.toml
chmod 755 /etc/hookspool
sed -n 's/^CMD \["\(.*\)"\]$/\1/p' packaging/container/Containerfile >/tmp/command
is "$(cat /tmp/command)" run
# in_container COMMAND...: with the restrictions of `podman run` in README.md.
in_container() {
  unshare --mount sh -c '
    mount --bind /var/lib/hookspool /var/lib/hookspool
    mount -o remount,bind,ro / && mount -o remount,bind,ro /run && mount -o remount,bind,ro /tmp 2>/dev/null
    exec setpriv --reuid 480 --regid 480 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"' sh "$@"
}
if in_container touch /etc/hookspool/written 2>/dev/null; then false; fi
if in_container touch /tmp/written 2>/dev/null; then false; fi
in_container touch /var/lib/hookspool/written
export GITHUB_WEBHOOK_SECRET=of-the-test
in_container hookspool "$(cat /tmp/command)" 2>/tmp/container.log &
wait_until 60 curl -fsS http://127.0.0.1:8080/readyz
signature=$(printf '{}' | openssl dgst -sha256 -hmac of-the-test -r | cut -d ' ' -f 1)
curl -fsS -d '{}' -H "X-Hub-Signature-256: sha256=$signature" http://127.0.0.1:8080/hooks/github
in_container hookspool status | grep -q '1 waiting'
# A second container on the same volume.
second=0
in_container hookspool run 2>/tmp/second.log || second=$?
is "$second" 69
kill -TERM "$(cat /var/lib/hookspool/journal/lock)"
stopped=0
wait %1 || stopped=$?
is "$stopped" 0
