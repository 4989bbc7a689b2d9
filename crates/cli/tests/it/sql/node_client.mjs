// node-postgres: text results, parameters, named statements, errors.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const pg = createRequire(`${process.env.NODE_PACKAGES}/package.json`)('pg');
const { DOOR_PORT, DOOR_TOKEN, DOOR_USER, DOOR_DATABASE } = process.env;
const client = new pg.Client({ host: '127.0.0.1', port: Number(DOOR_PORT), user: DOOR_USER, password: DOOR_TOKEN, database: DOOR_DATABASE });
await client.connect();
const { rows } = await client.query('SELECT id, total, placed_at, note FROM orders WHERE id = $1', [8]);
assert.deepEqual(rows, [{ id: 8, total: '10.00', placed_at: new Date('2026-01-01T08:00:00Z'), note: 'note 8' }]);
for (const id of [1, 2, 3]) {
  const named = await client.query({ name: 'by-id', text: 'SELECT note FROM orders WHERE id = $1', values: [id] });
  assert.equal(named.rows[0].note, `note ${id}`);
}
assert.equal((await client.query('SELECT count(*) FROM orders WHERE total > $1', ['1249.5'])).rows[0].count, '1');
await assert.rejects(client.query('DELETE FROM orders'), { code: '25006' });
const both = await client.query('SELECT 1 AS a; SELECT 2 AS b');
assert.deepEqual(both.map((result) => result.rows[0]), [{ a: '1' }, { b: '2' }]);
await client.end();
console.log('ok');
