"""A worker beside a Flask application: flask --app flask_app work"""
import os
import time

import psycopg
from flask import Flask, jsonify
from psycopg.rows import dict_row

app = Flask(__name__)
CONSUMER = "flask"


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"], row_factory=dict_row)


@app.get("/payments")
def payments():
    with connect() as connection:
        return jsonify(connection.execute("SELECT count(*), sum(amount) FROM payments").fetchone())


@app.cli.command("work")
def work():
    while True:
        with connect() as connection:  # one transaction: committed at the end, rolled back by an exception
            events = connection.execute("SELECT id, payload FROM hookspool.consume(%s, 100)", (CONSUMER,)).fetchall()
            for event in events:
                connection.execute("INSERT INTO payments (event, worker, amount) VALUES (%s, %s, %s)",
                                   (event["id"], CONSUMER, event["payload"]["amount"]))
        if not events:
            time.sleep(1)
