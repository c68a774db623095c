"""The usual way to take webhooks: each is written straight to PostgreSQL before it is answered.

One of the bench's peers, as such services are written: SQLAlchemy's pool with pre-ping and recycling, and a few retries
with backoff when the database does not answer. Run by gunicorn (tests/bench/flask_service.cpp). BENCH_CONNINFO says
where PostgreSQL is; the table `webhooks` is there already.
"""

import os
import sys
from pathlib import Path

from flask import Flask, jsonify, request
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "packaging/examples/flask"))
from store import make_engine, retried  # noqa: E402  the pool and the retries of the example

INSERT = text(
    "INSERT INTO webhooks (source, remote_addr, content_type, headers, payload)"
    " VALUES (:source, :remote_addr, :content_type, CAST(:headers AS jsonb), CAST(:payload AS jsonb)) RETURNING id"
)

app = Flask(__name__)
engine = make_engine(os.environ["BENCH_CONNINFO"])


def store(row):
    """The new row's id."""
    return retried(engine, lambda connection: connection.execute(INSERT, row).scalar_one())


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
