is "$(cat body.json)" '{"type":"invoice.paid","amount":100}'
rm body.json
