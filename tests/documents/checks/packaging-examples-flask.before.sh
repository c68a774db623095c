cd packaging/examples/flask || exit
