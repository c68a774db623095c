. tests/documents/proxies.sh
name_here
