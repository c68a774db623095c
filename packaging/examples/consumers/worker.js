#!/usr/bin/env node
// A worker with pg (node-postgres). DATABASE_URL says where; start as many as you like.
const { Client } = require('pg');

const consumer = 'node';
const pause = () => new Promise((done) => setTimeout(done, 1000));

async function handle(client, event) {  // your work, in the transaction that takes the event
  await client.query('INSERT INTO payments (event, worker, amount) VALUES ($1, $2, $3)',
                     [event.id, consumer, event.payload.amount]);
}

async function step(client) {
  await client.query('BEGIN');
  const { rows } = await client.query('SELECT id, payload FROM hookspool.consume($1, 100)', [consumer]);
  for (const event of rows) {
    await client.query('SAVEPOINT event');
    try {
      await handle(client, event);
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT event');
      const answer = await client.query('SELECT hookspool.failed($1, $2, $3) AS skipped', [consumer, event.id, String(error)]);
      if (!answer.rows[0].skipped) break;  // it is tried again later, and what comes after it then as well
    }
  }
  await client.query('COMMIT');
  return rows.length;
}

async function main() {
  for (;;) {
    const client = new Client({ connectionString: process.env.DATABASE_URL });
    client.on('error', () => {});  // the next statement says it as well
    try {
      await client.connect();
      for (;;) if (await step(client) === 0) await pause();
    } catch (error) {  // the database is away: nothing is lost by that
      console.error(error.message);
      await client.end().catch(() => {});
      await pause();
    }
  }
}
main();
