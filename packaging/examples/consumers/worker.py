#!/usr/bin/python3
"""A worker with psycopg 3. DATABASE_URL says where; start as many as you like."""
import os
import time

import psycopg
from psycopg.rows import dict_row

CONSUMER = "python"


def handle(cursor, event):  # your work, in the transaction that takes the event
    cursor.execute("INSERT INTO payments (event, worker, amount) VALUES (%s, %s, %s)",
                   (event["id"], CONSUMER, event["payload"]["amount"]))


def step(connection):
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        events = cursor.execute("SELECT id, payload FROM hookspool.consume(%s, 100)", (CONSUMER,)).fetchall()
        for event in events:
            try:
                with connection.transaction():  # a savepoint: what failed leaves nothing behind
                    handle(cursor, event)
            except Exception as error:
                cursor.execute("SELECT hookspool.failed(%s, %s, %s) AS skipped", (CONSUMER, event["id"], repr(error)))
                if not cursor.fetchone()["skipped"]:
                    break  # it is tried again later, and what comes after it then as well
    return len(events)


while True:
    try:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            while True:
                if step(connection) == 0:
                    time.sleep(1)
    except psycopg.OperationalError as error:  # the database is away: nothing is lost by that
        print(error, flush=True)
        time.sleep(1)
