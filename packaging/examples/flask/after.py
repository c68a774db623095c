"""The bot as it is: hookspool takes the webhooks and fills `conversations`; this answers what has no reply there.
A row is claimed and answered in one transaction, so start as many as you like, and kill them when you like.
"""
import os
import time

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from messenger import reply_to
from store import make_engine

CLAIM = text("SELECT id, message FROM conversations WHERE reply IS NULL ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED")
ANSWER = text("UPDATE conversations SET reply = :reply WHERE id = :id")
PAUSE_S = 0.5

engine = make_engine(os.environ["DATABASE_URL"])


def step():
    with engine.begin() as connection:
        rows = connection.execute(CLAIM).all()
        for row in rows:
            connection.execute(ANSWER, {"id": row.id, "reply": reply_to(row.message)})
    return len(rows)


while True:
    try:
        if step() == 0:
            time.sleep(PAUSE_S)
    except DBAPIError as error:  # the database is away: nothing is lost by that
        print(error, flush=True)
        time.sleep(PAUSE_S)
