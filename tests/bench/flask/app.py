"""The usual way to take webhooks: each is written straight to PostgreSQL before it is answered.

One of the bench's peers, as such services are written: SQLAlchemy's pool with pre-ping and recycling, and a few retries
with backoff when the database does not answer. Run by gunicorn (tests/bench/flask_service.cpp). BENCH_CONNINFO says
where PostgreSQL is; the table `webhooks` is there already.
"""

import os
import random
import time

import psycopg2
from flask import Flask, jsonify, request
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

TRIES_MAX = 5
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0

INSERT = text(
    "INSERT INTO webhooks (source, remote_addr, content_type, headers, payload)"
    " VALUES (:source, :remote_addr, :content_type, CAST(:headers AS jsonb), CAST(:payload AS jsonb)) RETURNING id"
)

app = Flask(__name__)
engine = create_engine(
    "postgresql+psycopg2://",
    creator=lambda: psycopg2.connect(os.environ["BENCH_CONNINFO"]),
    poolclass=QueuePool,
    pool_size=10,
    max_overflow=0,
    pool_recycle=300,
    pool_pre_ping=True,
)


def store(row):
    """The new row's id. Raises DBAPIError when PostgreSQL has failed TRIES_MAX times."""
    wait_s = BACKOFF_FIRST_S
    for attempt in range(1, TRIES_MAX + 1):
        try:
            with engine.begin() as connection:
                return connection.execute(INSERT, row).scalar_one()
        except DBAPIError:
            if attempt == TRIES_MAX:
                raise
            time.sleep(wait_s * random.random())
            wait_s = min(2 * wait_s, BACKOFF_MAX_S)


@app.post("/hooks/<source>")
def take(source):
    if request.get_json(silent=True) is None:
        return jsonify(error="not JSON"), 400
    row_id = store(
        {
            "source": source,
            "remote_addr": request.remote_addr,
            "content_type": request.content_type,
            "headers": app.json.dumps(dict(request.headers)),
            "payload": request.get_data(as_text=True),
        }
    )
    return jsonify(id=row_id)


@app.get("/readyz")
def ready():
    return jsonify(ready=True)
