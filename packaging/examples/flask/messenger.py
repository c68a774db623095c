"""What Messenger sends, and the bot's answer to it."""
import hashlib
import hmac
from datetime import datetime, timezone


def signature_fits(secret, body, header):
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, header or "")


def messages_of(webhook):
    """The texts of a webhook, which may hold several: (user, text, time)."""
    for entry in webhook.get("entry", []):
        for item in entry.get("messaging", []):
            if "text" in item.get("message", {}):
                yield {
                    "user_id": item["sender"]["id"],
                    "message": item["message"]["text"],
                    "sent_at": datetime.fromtimestamp(item["timestamp"] / 1000, timezone.utc),
                }


def reply_to(message):
    return f"You said: {message}"  # and here the bot sends it by the Send API
