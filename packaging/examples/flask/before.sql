CREATE TABLE conversations (
  id      bigserial PRIMARY KEY,
  user_id text NOT NULL,
  message text NOT NULL,
  reply   text,
  sent_at timestamptz NOT NULL
);
