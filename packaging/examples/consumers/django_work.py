"""A worker beside a Django application. As a management command: the body of work() is handle() of
yourapp/management/commands/work.py, and the settings are the project's."""
import json
import os
import time

import django
from django.conf import settings
from django.db import connection, transaction
from psycopg2.extensions import parse_dsn

CONSUMER = "django"


def work():
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT id, payload::text FROM hookspool.consume(%s, 100)", [CONSUMER])
            events = cursor.fetchall()
            for event, payload in events:  # models work as well: they are in the same transaction
                cursor.execute("INSERT INTO payments (event, worker, amount) VALUES (%s, %s, %s)",
                               [event, CONSUMER, json.loads(payload)["amount"]])
        if not events:
            connection.close_if_unusable_or_obsolete()
            time.sleep(1)


options = parse_dsn(os.environ["DATABASE_URL"])
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": options.pop("dbname"), "OPTIONS": options}})
django.setup()
work()
