"""The bot as it was: a webhook is answered at once, and a worker thread saves its messages straight to PostgreSQL.
`SAVE=request` saves them before the answer instead.

    gunicorn --workers 1 --threads 16 before:app
"""
import logging
import os
import queue
import threading

from flask import Flask, abort, jsonify, request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from messenger import messages_of, reply_to, signature_fits
from store import make_engine, retried

WORKERS = 4
QUEUE_WEBHOOKS_MAX = 10000
INSERT = text("INSERT INTO conversations (user_id, message, reply, sent_at) VALUES (:user_id, :message, :reply, :sent_at)")

app = Flask(__name__)
engine = make_engine(os.environ["DATABASE_URL"])
waiting = queue.Queue(QUEUE_WEBHOOKS_MAX)


def save(webhook):
    rows = [dict(message, reply=reply_to(message["message"])) for message in messages_of(webhook)]
    if rows:
        retried(engine, lambda connection: connection.execute(INSERT, rows))


def work():
    while True:
        webhook = waiting.get()
        try:
            save(webhook)
        except DBAPIError as error:  # the tries are used up, and Messenger has had its 200: nothing brings it back
            logging.error("conversation lost: %s", error)
        finally:
            waiting.task_done()


@app.post("/hooks/messenger")
def take():
    if not signature_fits(os.environ["APP_SECRET"], request.get_data(), request.headers.get("X-Hub-Signature-256")):
        abort(401)
    if os.environ.get("SAVE") == "request":
        save(request.get_json())
    else:
        waiting.put_nowait(request.get_json())
    return "EVENT_RECEIVED"


@app.get("/waiting")
def how_many_wait():
    return jsonify(waiting=waiting.unfinished_tasks)


for _ in range(WORKERS):
    threading.Thread(target=work, daemon=True).start()
