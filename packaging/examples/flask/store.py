"""The database as such a service uses it: SQLAlchemy's pool with pre-ping and recycling, and a few retries with backoff."""
import random
import time

import psycopg2
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

POOL_SIZE = 10
POOL_RECYCLE_S = 300
TRIES_MAX = 5
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0


def make_engine(conninfo):
    return create_engine(
        "postgresql+psycopg2://",
        creator=lambda: psycopg2.connect(conninfo),
        poolclass=QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_recycle=POOL_RECYCLE_S,
        pool_pre_ping=True,
    )


def retried(engine, work):
    """What work(connection) returns, in a transaction. Raises DBAPIError when that has failed TRIES_MAX times."""
    wait_s = BACKOFF_FIRST_S
    for attempt in range(1, TRIES_MAX + 1):
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError:
            if attempt == TRIES_MAX:
                raise
            time.sleep(wait_s * random.random())
            wait_s = min(2 * wait_s, BACKOFF_MAX_S)
