# A secret with a typing error, the genuine webhook that it turned away, and the corrected secret in the file.
service_config <<'END'
[sources.pay]
verify = "github"
secrets = [{ file = "/etc/hookspool/pay.secret" }]
on_bad_signature = "quarantine"
END
secret_file pay typing-eror
systemctl start hookspool.service
signature=$(printf '{}' | openssl dgst -sha256 -hmac typing-error -r | cut -d ' ' -f 1)
is "$(curl -s -o /dev/null -w '%{http_code}' -d '{}' -H "X-Hub-Signature-256: sha256=$signature" http://127.0.0.1:8080/hooks/pay)" 401
is "$(curl -s -o /dev/null -w '%{http_code}' -d '{"forged":1}' -H "X-Hub-Signature-256: sha256=$signature" http://127.0.0.1:8080/hooks/pay)" 401
printf typing-error >/etc/hookspool/pay.secret
