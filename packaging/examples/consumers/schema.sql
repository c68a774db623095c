-- What the examples write. Once, and the consumer of each example with it.
CREATE TABLE payments (
  event  uuid NOT NULL,      -- no key: that each is here once is consume()'s doing
  worker text NOT NULL,
  amount numeric NOT NULL
);
SELECT hookspool.create_consumer(name, 'beginning') FROM unnest(ARRAY['python', 'node', 'sql', 'flask', 'django']) AS name;
