// Pages, sorts and filters of an imported lineitem, the start of the server, and what a restarted one takes for a page.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import { MB, connect, env, figure, percentile, publish, serve, spread, timed, verdict } from './report.mjs';

const PAGES = 500;
const rounds = Number(env.rounds);
let server = await serve();
const table = await lineitem();
const { rows: total, columns } = await server.mycorr.get(`/tables/${table}`);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// The minimal standard generator (Park and Miller): the same offsets on every run.
let seed = 20_260_101;
const random = () => (seed = (seed * 48_271) % 2_147_483_647);

const starts = [];
const idles = [];
const firsts = [];
for (let round = 0; round < rounds; round++) {
  await server.stop();
  server = await serve();
  starts.push(server.ready);
  idles.push(server.process.status('VmRSS') / MB);
  firsts.push(await page(`offset=${random() % (total - 200)}`));
}
for (let n = 0; n < 20; n++) await page(`offset=${n * 200}`);
const anywhere = [];
for (let n = 0; n < PAGES; n++) anywhere.push(await page(`offset=${random() % (total - 200)}`));

// Each sort is a new one: nobody has asked for it before. What DuckDB takes over the same files is measured between.
const sorts = columns.map(({ name, type }) => ({ name, type, ours: [], theirs: [], peak: 0 }));
const likes = { ours: [], theirs: [] };
const like = 'l_comment.ilike.*sleep*';
for (let round = 0; round < 3; round++) {
  await server.stop();
  server = await serve();
  await page('offset=0');
  for (const sort of sorts) {
    const before = server.process.status('VmRSS');
    server.process.forgetPeak();
    sort.ours.push(await page(`sort=${sort.name}`));
    sort.peak = Math.max(sort.peak, (server.process.status('VmHWM') - before) / MB);
    // What is made in the background must not be measured with the next one.
    await page(`sort=${sort.name}&offset=${total - 200}`);
  }
  likes.ours.push(await page(`filter=${like}`));
  // Nothing is heard while DuckDB works, not even that the server closes a connection that rests.
  agent.destroy();
  const theirs = duckdb();
  for (const sort of sorts) sort.theirs.push(theirs[sort.name]);
  likes.theirs.push(theirs.ilike);
}
const ratios = sorts.map((sort) => ({ ...sort, ratio: percentile(sort.ours, 0.5) / percentile(sort.theirs, 0.5) }));
const worst = ratios.reduce((one, other) => (other.ratio > one.ratio ? other : one));
const alike = percentile(likes.ours, 0.5) / percentile(likes.theirs, 0.5);
// A view that is settled: its order is there.
const sorted = [];
for (const { name } of columns) for (let n = 0; n < 20; n++) sorted.push(await page(`sort=${name}&offset=${random() % (total - 200)}`));
const filters = [];
for (const filter of ['l_quantity.gte.49', 'l_shipdate.lt.1993-01-01', 'l_shipmode.eq.AIR', 'l_orderkey.eq.3000001']) {
  filters.push({ filter, milliseconds: await page(`filter=${filter}`) });
}
await server.stop();
agent.destroy();

const first = sorts.flatMap((sort) => sort.ours);
publish(
  'pages',
  `Pages of 200 rows of ${total.toLocaleString('en')} (lineitem, scale factor ${env.scale}), timed by a client over one kept connection, to the last byte; ${rounds} restarts.`,
  ['', 'median (min to max)', 'held to'],
  [
    ['start to ready', spread(starts, 0, 'ms'), verdict(percentile(starts, 0.5), 200, 'ms')],
    ['memory when started', spread(idles, 0, 'MB'), verdict(Math.max(...idles), 80, 'MB')],
    ['first page after a restart, anywhere', spread(firsts, 0, 'ms'), verdict(percentile(firsts, 0.5), 150, 'ms')],
    [`page at ${PAGES} random offsets, p50`, figure(percentile(anywhere, 0.5), 1, 'ms'), ''],
    ['… p99', figure(percentile(anywhere, 0.99), 1, 'ms'), verdict(percentile(anywhere, 0.99), 15, 'ms')],
    [`first page of a sort, each of the ${columns.length} columns, three times`, spread(first, 0, 'ms'), verdict(Math.max(...first), 1000, 'ms')],
    ['… the most memory that one takes', figure(Math.max(...sorts.map((sort) => sort.peak)), 0, 'MB'), ''],
    ['… DuckDB: `ORDER BY … LIMIT 200` over the same files', spread(sorts.flatMap((sort) => sort.theirs), 0, 'ms'), ''],
    [`… ours to DuckDB's, the worst column: \`${worst.name}\` (${worst.type})`, figure(worst.ratio, 2, '×'), verdict(worst.ratio, 1, '×')],
    ['… columns for which ours is no slower', `${ratios.filter(({ ratio }) => ratio <= 1).length} of ${ratios.length}`, ''],
    ['page of a sorted table at random offsets, p99', figure(percentile(sorted, 0.99), 1, 'ms'), verdict(percentile(sorted, 0.99), 30, 'ms')],
    [`first page and count of \`${like}\``, spread(likes.ours, 0, 'ms'), ''],
    ["… to DuckDB's count", figure(alike, 2, '×'), verdict(alike, 1, '×')],
    ...filters.map(({ filter, milliseconds }) => [`first page and count of \`${filter.replaceAll('|', '\\|')}\``, figure(milliseconds, 0, 'ms'), verdict(milliseconds, 300, 'ms')]),
  ],
);

/** The one that the import part left, or a new one. */
async function lineitem() {
  const { mycorr } = server;
  for (const model of await mycorr.all('/models')) {
    const found = (await mycorr.all(`/models/${model.id}/tables`)).find((one) => one.name.startsWith('lineitem'));
    if (found) return found.id;
  }
  const connection = await connect(mycorr, 'pages', 'bench');
  const model = await mycorr.post('/models', { name: 'pages' });
  const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table: 'lineitem', name: 'lineitem' });
  return (await mycorr.follow(job)).table_id;
}

/** Milliseconds by column. */
function duckdb() {
  const folder = readdirSync(`${env.work}/mycorr`, { recursive: true }).filter((file) => file.includes(table) && file.endsWith('.parquet'));
  const files = folder.map((file) => `${env.work}/mycorr/${file}`);
  return JSON.parse(execFileSync(env.python, ['bench/views.py', 'l_comment=%sleep%', ...files], { encoding: 'utf8' }));
}

/** Milliseconds from the request to the last byte. */
function page(query) {
  return timed(
    () =>
      new Promise((resolve, reject) => {
        const options = { agent, headers: { authorization: `Bearer ${server.mycorr.token}` } };
        http.get(`${server.mycorr.base}/api/v1/tables/${table}/rows?limit=200&${query}`, options, (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(Buffer.concat(chunks).toString()))));
        }).on('error', reject);
      }),
  );
}
