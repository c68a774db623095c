. tests/documents/proxies.sh
name_here
cat /etc/ssl/hooks/fullchain.pem /etc/ssl/hooks/privkey.pem >/etc/haproxy/hooks.pem
