// The main job, played through the HTTP API by somebody who has just installed Mycorr. Every step prints its figures and
// is checked against what PostgreSQL itself says; the first that does not hold ends the journey with exit status 1.
import { readFileSync } from 'node:fs';
import { Client, Refused, psql } from '../scripts/client.mjs';

const env = (name) => process.env[name] ?? fail(`${name} is not set: demo/run starts this`);
const source = { socket: env('DEMO_PG_SOCKET'), port: env('DEMO_PG_PORT'), database: 'shop' };
const ca = readFileSync(env('DEMO_CA'), 'utf8');
const mycorr = new Client(env('DEMO_URL'));

const account = { name: 'Dana Demo', email: env('DEMO_EMAIL'), password: env('DEMO_PASSWORD') };
const server = {
  kind: 'postgresql',
  name: 'Shop',
  host: '127.0.0.1',
  port: Number(source.port),
  database: 'shop',
  username: 'mycorr_reader',
  password: env('DEMO_PG_PASSWORD'),
  encrypted: true,
  ca_certificate: ca,
};

let steps = 0;
await step('Sign up', async () => {
  await mycorr.signUp(account);
  const me = await mycorr.get('/me');
  held(me.email === account.email, 'the session belongs to the new account');
  note(`${me.email} is the first account, so it administers this Mycorr`);
});

await step('Connect without the certificate authority', async () => {
  const { ca_certificate: _, ...incomplete } = server;
  const refusal = await mycorr.post('/connections', incomplete).then(() => null, (error) => error);
  held(refusal instanceof Refused && refusal.problem.code === 'certificate_untrusted', 'a server that nobody vouches for is refused');
  held((await mycorr.all('/connections')).length === 0, 'nothing was stored');
  note(`${refusal.problem.code}: ${refusal.problem.detail}`);
});

const connection = await step('Test and save the connection, verify-full with the pasted CA', async () => {
  const report = await mycorr.post('/connections/test', server);
  for (const { step, outcome, milliseconds, message } of report.steps) {
    note(`${outcome === 'passed' ? '✓' : outcome} ${step.padEnd(12)} ${String(milliseconds).padStart(4)} ms  ${message}`);
  }
  held(report.ok, 'every step of the test passed');
  const saved = await mycorr.post('/connections', server);
  held(!JSON.stringify(saved).includes(server.password), 'the password does not come back');
  held(saved.ca_certificate.subject.includes('Demo shop'), 'the certificate is known by its subject');
  return saved;
});

await step('Browse', async () => {
  const schemas = await mycorr.all(`/connections/${connection.id}/schemas`);
  const tables = await mycorr.all(`/connections/${connection.id}/schemas/public/tables`);
  for (const { name, kind, estimated_rows, bytes } of tables) {
    note(`${name.padEnd(16)} ${kind.padEnd(18)} ${estimated_rows === null ? '' : `~${figure(estimated_rows)} rows`.padStart(16)} ${bytes ? size(bytes) : ''}`);
  }
  const there = psql(source, `SELECT json_agg(relname ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r','v','m','f','p') AND NOT relispartition`);
  held(same(tables.map((table) => table.name).sort(), there.sort()), `all ${there.length} tables and views of the schema are listed`);
  held(tables.every((table) => table.readable), 'the role may read each of them');
  const [salaries] = await mycorr.all(`/connections/${connection.id}/schemas/payroll/tables`);
  held(!salaries.readable && salaries.problem.fix.includes('GRANT'), `payroll.${salaries.name} was not granted, and stays closed: ${salaries.problem.fix}`);
  note(`schemas: ${schemas.map((schema) => `${schema.name} (${schema.tables})`).join(', ')}`);
  const { columns } = await mycorr.get(`/connections/${connection.id}/schemas/public/tables/orders`);
  note(`orders: ${columns.map((column) => `${column.name} ${column.pg_type}`).join(', ')}`);
  held(columns.some((column) => column.name === 'id' && column.primary_key), 'its primary key is known');
});

const model = await step('New Model', () => mycorr.post('/models', { name: 'Shop' }));

const imported = {};
for (const table of ['customers', 'orders', 'events']) {
  imported[table] = await step(`Import ${table}`, async () => {
    const begun = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table });
    const job = await watch(begun.job);
    const answer = await mycorr.get(`/tables/${job.table_id}`);
    const count = psql(source, `SELECT count(*) FROM ${table}`);
    held(answer.rows === count && job.rows === count, `all ${figure(count)} rows are there`);
    return answer;
  });
}
const orders = imported.orders;

await step('A page of rows from the middle', async () => {
  const started = performance.now();
  const page = await mycorr.get(`/tables/${orders.id}/rows?offset=654321&limit=200`);
  const milliseconds = performance.now() - started;
  held(page.rows.length === 200 && page.total === orders.rows, 'the page is full and knows the total');
  const lying = psql(source, 'SELECT json_agg(id::text) FROM (SELECT id FROM orders ORDER BY ctid OFFSET 654321 LIMIT 200) AS lying');
  held(same(pluck(page, 'id'), lying), 'its rows are in the order in which they lie in PostgreSQL');
  const differing = await differences('orders', page);
  held(differing === 0, `${page.rows.length * page.columns.length} cells are what PostgreSQL prints, to the letter`);
  note(page.rows[0].map((cell) => cell ?? 'NULL').join(' | '));
  note(`${milliseconds.toFixed(0)} ms`);
});

await step('Sorted and filtered', async () => {
  const sorted = await mycorr.get(`/tables/${orders.id}/rows?sort=-total,id&limit=20`);
  const dearest = psql(source, 'SELECT json_agg(id::text) FROM (SELECT id FROM orders ORDER BY total DESC, id LIMIT 20) AS top');
  held(same(pluck(sorted, 'id'), dearest), `the dearest orders are PostgreSQL's, from ${pluck(sorted, 'total')[0]} down`);
  const filtered = await mycorr.get(`/tables/${orders.id}/rows?filter=status.eq.returned&filter=total.gte.250&limit=1`);
  const count = psql(source, `SELECT count(*) FROM orders WHERE status = 'returned' AND total >= 250`);
  held(filtered.total === count, `${figure(count)} returned orders cost 250 or more`);
});

await step('The shop changes', () => {
  psql(source, `
    UPDATE orders SET status = 'cancelled', note = 'Cancelled by phone' WHERE id BETWEEN 999001 AND 999250;
    DELETE FROM orders WHERE id BETWEEN 500001 AND 500017;
    INSERT INTO orders SELECT id + 1000000, md5('order ' || id + 1000000)::uuid, customer_id, 'placed', placed_at + interval '2 years',
      NULL, NULL, total, currency, NULL, shipping, NULL FROM orders WHERE id <= 1200;`);
  note('250 orders cancelled, 17 deleted, 1,200 placed');
});

const synced = await step('Sync', async () => {
  const begun = await mycorr.post(`/tables/${orders.id}/sync`);
  await watch(begun.job);
  const answer = await mycorr.get(`/tables/${orders.id}`);
  const count = psql(source, 'SELECT count(*) FROM orders');
  held(answer.version === orders.version + 1, `the table is at version ${answer.version}`);
  held(answer.rows === count && count === orders.rows + 1183, `it has ${figure(count)} rows, as the shop has`);
  return answer;
});

await step('The two versions compared', async () => {
  const versions = await mycorr.all(`/tables/${orders.id}/versions`);
  for (const { version, cause, rows, bytes, created_at } of versions) {
    note(`version ${version}: ${cause} of ${created_at}, ${figure(rows)} rows, ${size(bytes)}`);
  }
  held(versions.length === 2, 'both are there');
  const at = (version, filter) => mycorr.get(`/tables/${orders.id}/rows?version=${version}&${filter}&limit=1000`);
  const [before, after] = await Promise.all([at(orders.version, 'filter=id.in.(999001,999250)'), at(synced.version, 'filter=id.in.(999001,999250)')]);
  held(!pluck(before, 'status').includes('cancelled') || !pluck(before, 'note').includes('Cancelled by phone'), `the old version still says ${pluck(before, 'status').join(', ')}`);
  held(same(pluck(after, 'status'), ['cancelled', 'cancelled']), `the new one says ${pluck(after, 'status').join(', ')}`);
  held((await differences('orders', after)) === 0, 'its cells are what PostgreSQL prints now');
  const [deleted, placed] = await Promise.all([at(synced.version, 'filter=id.gte.500001&filter=id.lte.500017'), at(synced.version, 'filter=id.gt.1000000')]);
  held(deleted.total === 0 && placed.total === 1200, '17 rows are gone and 1,200 have come');
  const old = await at(orders.version, 'filter=id.gte.500001&filter=id.lte.500017');
  held(old.total === 17 && (await at(orders.version, 'filter=id.gt.1000000')).total === 0, 'the old version still reads as it was');
});

await step('What the server heard', () => {
  // log_line_prefix is `%u:`, so each statement's first line names its role.
  const heard = readFileSync(env('DEMO_PG_LOG'), 'utf8').matchAll(/^mycorr_reader:LOG:  (?:statement|execute [^:]*): *(\w+)/gm);
  const verbs = [...heard].map(([, verb]) => verb);
  held(verbs.length > 0 && verbs.every((verb) => verb === 'SELECT'), `${verbs.length} statements of mycorr_reader, all of them SELECT`);
});

console.log(`\n${steps} steps, all held.`);

/** Runs one step; what it returns. A step that throws ends the journey. */
async function step(title, act) {
  console.log(`\n${String(++steps).padStart(2)}. ${title}`);
  const started = performance.now();
  try {
    const result = await act();
    console.log(`    held, ${((performance.now() - started) / 1000).toFixed(2)} s`);
    return result;
  } catch (error) {
    return fail(`did not hold: ${error.message}`);
  }
}

/** Follows a job, showing its progress, and insists that it succeeds. */
async function watch(job) {
  const started = performance.now();
  let events = 0;
  const ended = await mycorr.follow(job, (state) => {
    events++;
    if (process.stdout.isTTY) process.stdout.write(`\r    ${state.state}, ${progress(state)}        `);
  });
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  const seconds = (performance.now() - started) / 1000;
  held(ended.state === 'succeeded', `the job ${ended.state}${ended.problem ? `: ${ended.problem.detail}` : ''}, after ${events} events`);
  note(`${progress(ended)}, ${size(ended.bytes)} from the server, ${figure(Math.round(ended.rows / seconds))} rows/s`);
  return ended;
}

/** How many cells of a page are not what psql prints for the row with that id. */
async function differences(table, page) {
  const names = page.columns.map((column) => column.name);
  const ids = pluck(page, 'id');
  // format('%s') is the type's output function; a cast to text would strip the blanks of character(n).
  const cells = names.map((name) => `CASE WHEN t."${name}" IS NOT NULL THEN format('%s', t."${name}") END`);
  const truth = psql(source, `SELECT json_object_agg(t.id, json_build_array(${cells.join(', ')})) FROM ${table} AS t WHERE id IN (${ids.join(', ')})`);
  return page.rows.flatMap((row, index) => row.filter((cell, position) => cell !== truth[ids[index]][position])).length;
}

function pluck(page, name) {
  const position = page.columns.findIndex((column) => column.name === name);
  return page.rows.map((row) => row[position]);
}

function held(truth, sentence) {
  if (!truth) throw new Error(sentence);
  note(sentence);
}

function progress({ rows, estimated_rows }) {
  return estimated_rows ? `${figure(rows)} rows of about ${figure(estimated_rows)}` : `${figure(rows)} rows`;
}

function note(text) {
  console.log(`    ${text}`);
}

function same(left, right) {
  return JSON.stringify(left) === JSON.stringify(right);
}

function figure(number) {
  return number.toLocaleString('en');
}

function size(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function fail(text) {
  console.error(`    ${text}`);
  process.exit(1);
}
