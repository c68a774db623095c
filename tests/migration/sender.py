"""Messenger, as the service sees it: signed webhooks from several threads, each posted once, and what came back."""
import hashlib
import hmac
import http.client
import json
import threading
import time

CLIENTS = 8
RATE_PER_CLIENT_S = 10.0
ANSWER_TIMEOUT_S = 20.0


class Sender:
    """Posts from construction until stop(). `taken` are the texts that were answered 200."""

    def __init__(self, port, secret, prefix):
        self.port, self.secret, self.prefix = port, secret, prefix
        self.taken, self.refused, self.seconds = [], 0, []
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._post_all, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _post_all(self, client):
        connection, number = None, 0
        due = time.monotonic()
        while not self.done.is_set():
            text = f"{self.prefix}-{client}-{number}"
            number += 1
            began = time.monotonic()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_TIMEOUT_S)
                status = self._post(connection, client, text)
            except (OSError, http.client.HTTPException):
                status = None
                connection = None
            took = time.monotonic() - began
            with self.lock:
                self.seconds.append(took)
                if status == 200:
                    self.taken.append(text)
                else:
                    self.refused += 1
            due = max(due + 1 / RATE_PER_CLIENT_S, time.monotonic() - 1)
            self.done.wait(max(0.0, due - time.monotonic()))

    def _post(self, connection, client, text):
        now_ms = int(time.time() * 1000)
        body = json.dumps({"object": "page", "entry": [{"id": "1", "time": now_ms, "messaging": [
            {"sender": {"id": f"user-{client}"}, "recipient": {"id": "1"}, "timestamp": now_ms,
             "message": {"mid": text, "text": text}}]}]}).encode()
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        connection.request("POST", "/hooks/messenger", body,
                           {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
