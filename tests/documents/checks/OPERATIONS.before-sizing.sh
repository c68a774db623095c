systemctl stop hookspool.socket hookspool.service
cp tests/demo/samples/push/payload.json ~/payload.json
