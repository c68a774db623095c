-- What the move adds to the table. The old bot goes on working with it, so both may run side by side.
ALTER TABLE conversations ADD COLUMN event_id uuid, ADD COLUMN item int;
CREATE UNIQUE INDEX conversations_event ON conversations (event_id, item);      -- by which rows and webhooks are compared
CREATE INDEX conversations_to_answer ON conversations (id) WHERE reply IS NULL;
