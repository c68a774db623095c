id=$(curl -fsS -d '{"type":"invoice.paid","amount":100}' -H 'Authorization: Bearer two' http://127.0.0.1:8080/hooks/shop | cut -d '"' -f 4)
