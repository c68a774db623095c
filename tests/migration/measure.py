#!/usr/bin/python3
"""The chatbot of packaging/examples/flask before and after its move, in turn, under the same load and the same faults: what
each loses, and how long each lets a sender wait. A real PostgreSQL over TLS, and a proxy that cuts its connections.

    tests/migration/measure.py [--seconds 40] [--agent build/release/hookspool] [--check]

--check fails unless the agent has lost nothing, doubled nothing, and every message has got its reply.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from cutting_proxy import CuttingProxy
from postgres import Postgres, free_port
from sender import CLIENTS, RATE_PER_CLIENT_S, Sender

TREE = Path(__file__).resolve().parents[2]
EXAMPLE = TREE / "packaging/examples/flask"
SECRET = "the-app-secret"
CUT_EVERY_S = 0.25
PATIENCE_S = 120  # for a start, and until everything that was taken has been saved


def wait_until(what, condition):
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > limit:
            raise RuntimeError(f"not within {PATIENCE_S} s: {what}")
        time.sleep(0.05)


def answer_of(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()
    except OSError:
        return None


@contextlib.contextmanager
def program(folder, name, argv, **env):
    """A process that is ended at the end of the block. What it prints is in folder/name.log."""
    with open(folder / f"{name}.log", "w") as log:
        process = subprocess.Popen(argv, cwd=EXAMPLE, stdout=log, stderr=log,
                                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env})
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def flask(folder, url, save):
    port = free_port()
    argv = ["gunicorn", "--workers", "1", "--threads", "16", "--keep-alive", "75", "--log-level", "warning",
            "--bind", f"127.0.0.1:{port}", "before:app"]
    with program(folder, f"flask-{save}", argv, DATABASE_URL=url, APP_SECRET=SECRET, SAVE=save):
        wait_until("Flask answers", lambda: answer_of(f"http://127.0.0.1:{port}/waiting"))

        def saved():
            return json.loads(answer_of(f"http://127.0.0.1:{port}/waiting") or b'{"waiting": 1}')["waiting"] == 0

        yield port, lambda: wait_until("the queue is empty", saved)


@contextlib.contextmanager
def hookspool(folder, url, agent):
    """The example's own configuration, with addresses and folders of a moment, and the bot that answers beside it."""
    port, admin = free_port(), free_port()
    text = (EXAMPLE / "hookspool.toml").read_text()
    for old, new in (("127.0.0.1:8080", f"127.0.0.1:{port}"), ("127.0.0.1:8081", f"127.0.0.1:{admin}"),
                     ("/var/lib/hookspool/journal", f"{folder}/journal"), ("/run/hookspool/admin.sock", f"{folder}/admin.sock"),
                     ("/etc/hookspool/messenger.secret", f"{folder}/secret"), ("/etc/hookspool/messenger.token", f"{folder}/token")):
        if text.count(old) != 1:
            raise RuntimeError(f"packaging/examples/flask/hookspool.toml has {old} {text.count(old)} times")
        text = text.replace(old, new)
    (folder / "hookspool.toml").write_text(text)
    for name in ("secret", "token"):
        (folder / name).write_text(SECRET)
        (folder / name).chmod(0o600)
    argv = [agent, "run", "--config", str(folder / "hookspool.toml")]
    with program(folder, "hookspool", argv, DATABASE_URL=url), \
            program(folder, "bot", ["/usr/bin/python3", "after.py"], DATABASE_URL=url):
        wait_until("the agent is ready", lambda: answer_of(f"http://127.0.0.1:{port}/readyz"))

        def delivered():
            subprocess.run([agent, "retry", "--socket", f"{folder}/admin.sock"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
            health = json.loads(answer_of(f"http://127.0.0.1:{admin}/health"))
            return health["journal"]["pending"] == 0 and health["mode"] == "online"

        yield port, lambda: wait_until("everything is delivered", delivered)


def break_things(postgres, proxy, seconds):
    """An eighth of the time nothing, a quarter cut connections, an eighth nothing, a quarter no PostgreSQL, the rest nothing."""
    time.sleep(seconds / 8)
    until = time.monotonic() + seconds / 4
    while time.monotonic() < until:
        proxy.cut()
        time.sleep(CUT_EVERY_S)
    time.sleep(seconds / 8)
    postgres.stop()
    time.sleep(seconds / 4)
    postgres.start()
    time.sleep(seconds / 4)


def measured(name, start, postgres, proxy, seconds):
    """One row of the table. `start` gives the service's port, and what waits until it has saved all that it will save."""
    postgres.sql("DROP TABLE IF EXISTS conversations", "SET ROLE bot; " + (EXAMPLE / "before.sql").read_text(),
                 "SET ROLE bot; " + (EXAMPLE / "after.sql").read_text())
    with start as (port, wait_saved):
        sender = Sender(port, SECRET, name)
        cuts = proxy.cuts
        break_things(postgres, proxy, seconds)
        sender.stop()
        wait_saved()
        saved = postgres.sql("SELECT message FROM conversations").splitlines()
        if name == "hookspool":
            wait_until("every message has its reply",
                       lambda: postgres.sql("SELECT count(*) FROM conversations WHERE reply IS NULL") == "0")
    waits = sorted(sender.seconds)
    return {"name": name, "sent": len(waits), "answered": len(sender.taken), "refused": sender.refused,
            "lost": len(set(sender.taken) - set(saved)), "doubled": len(saved) - len(set(saved)), "cuts": proxy.cuts - cuts,
            "p50": waits[len(waits) // 2], "p99": waits[len(waits) * 99 // 100], "max": waits[-1]}


def duration(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


TITLES = {"threads": "Flask, saved by worker threads", "request": "Flask, saved before the answer", "hookspool": "hookspool"}


def table(rows):
    yield "| | posted | answered 200 | refused | answered and lost | twice in the table | p50 | p99 | max |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        yield "| " + " | ".join([TITLES[row["name"]]] + [str(row[key]) for key in ("sent", "answered", "refused", "lost", "doubled")] +
                                [duration(row[key]) for key in ("p50", "p99", "max")]) + " |"


def faults_of(rows):
    for row in rows:
        if row["answered"] == 0 or row["cuts"] == 0:
            yield f"{row['name']}: {row['answered']} answered, {row['cuts']} connections cut: nothing is proven"
    agent = rows[-1]
    if agent["lost"] or agent["doubled"]:
        yield f"hookspool: {agent['lost']} lost, {agent['doubled']} doubled"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40, help="of load for each service")
    parser.add_argument("--agent", default=os.environ.get("HOOKSPOOL", str(TREE / "build/release/hookspool")))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="hookspool-migration-") as name, contextlib.closing(Postgres()) as postgres:
        folder = Path(name)
        proxy = CuttingProxy(postgres.port)
        url = postgres.url(proxy.port)
        services = (("threads", flask(folder, url, "threads")), ("request", flask(folder, url, "request")),
                    ("hookspool", hookspool(folder, url, options.agent)))
        for service, start in services:
            rows.append(measured(service, start, postgres, proxy, options.seconds))
            print(f"{service}: {rows[-1]['cuts']} connections cut, PostgreSQL away for {options.seconds / 4:g} s", file=sys.stderr)
    print(f"{CLIENTS} senders, {CLIENTS * RATE_PER_CLIENT_S:g} webhooks/s, {options.seconds:g} s each\n")
    print("\n".join(table(rows)))
    faults = list(faults_of(rows)) if options.check else []
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


sys.exit(main())
