set_right systemctl restart nginx
is "$(curl -s -o /dev/null -w '%{http_code}' --cacert /etc/ssl/hooks/fullchain.pem https://hooks.example.com/health)" 404
