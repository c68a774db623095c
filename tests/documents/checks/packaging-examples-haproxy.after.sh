set_right systemctl restart haproxy
is "$(curl -s -o /dev/null -w '%{http_code}' --cacert /etc/haproxy/hooks.pem https://hooks.example.com/health)" 404
