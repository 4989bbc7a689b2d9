// `import.mjs TABLE [tls]`: interleaved rounds of the raw client, an import, and what others do with the same table.
import { execFileSync } from 'node:child_process';
import { psql } from '../scripts/client.mjs';
import { MB, connect, env, figure, median, publish, serve, source, spread, timed, verdict } from './report.mjs';

const [table, encrypted] = process.argv.slice(2);
const tls = encrypted === 'tls';
// What crates/pgread/src/types.rs asks for; and what no reader can use better was tried (docs/benchmarks.md).
const { formats, key, toDuckdb, twoToDuckdb, toRaw } = {
  lineitem: { formats: 'ttttttttttbbbttt', key: 'l_orderkey', toDuckdb: 0.85, twoToDuckdb: 0.78, toRaw: 1.2 },
  mixed: { formats: 'tbbttttbtt', key: 'id', toDuckdb: 0.9, twoToDuckdb: 0.85, toRaw: 1.25 },
}[table];
const rounds = Number(env.rounds);
const peers = (env.peers ?? '').split(' ').filter(Boolean);
const titles = { duckdb: 'DuckDB, postgres extension, two connections', ducklake: 'DuckLake, a version like ours, two connections', deltalake: 'deltalake fed by ADBC, a version like ours', connectorx: 'ConnectorX, two partitions', adbc: 'ADBC, streamed', pg2parquet: 'pg2parquet' };

const { mycorr, process: server, stop } = await serve();
const connection = await connect(mycorr, `${table}${tls ? ' over TLS' : ''}`, 'bench', { tls });
const model = await mycorr.post('/models', { name: `${table}${tls ? ' over TLS' : ''}` });
const rows = psql(source('bench'), `SELECT count(*) FROM ${table}`);
const names = psql(source('bench'), `SELECT json_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0`);
const statement = `SELECT ${names.map((name) => `"${name}"`).join(', ')} FROM "public"."${table}"`;

// One unmeasured read puts the table into PostgreSQL's cache.
runRaw();
const idle = server.status('VmRSS');
const raw = [];
const own = [];
const two = [];
const others = Object.fromEntries(peers.map((peer) => [peer, []]));
for (let round = 0; round < rounds; round++) {
  raw.push(runRaw());
  own.push(await runImport(round, 1));
  two.push(await runImport(round, 2));
  for (const peer of peers) if (others[peer]) runPeer(peer);
  // Nothing else ran here meanwhile: that the server closed idle connections is noticed now, before one is used again.
  await new Promise((resolve) => setTimeout(resolve, 100));
  console.error(`round ${round + 1}: raw ${raw.at(-1).toFixed(2)} s, import ${own[round].seconds.toFixed(2)} s, ${own[round].cpu.toFixed(1)} s of CPU, ${(own[round].peak / MB).toFixed(0)} MB over idle, two connections ${two[round].seconds.toFixed(2)} s, ${peers.map((peer) => `${peer} ${others[peer]?.at(-1).seconds.toFixed(2)}`).join(', ')}`);
}

const seconds = own.map((run) => run.seconds);
const times = (theirs) => seconds.map((second, round) => second / theirs[round]);
const peaks = own.map((run) => run.peak / MB);
const body = [
  ['raw client: the same SELECT, thrown away', spread(raw, 2, 's'), '', '', ''],
  ['**import into a committed version**', spread(seconds, 2, 's'), spread(own.map((run) => run.cpu), 1, 's'), spread(peaks, 0, 'MB'), verdict(Math.max(...peaks), 128, 'MB')],
  ['… rows per second', spread(seconds.map((second) => rows / second), 0), '', '', ''],
  ['… times the raw client of the same round', spread(times(raw), 2), '', '', verdict(median(times(raw)), toRaw)],
  ['**import through two agreed connections**', spread(two.map((run) => run.seconds), 2, 's'), spread(two.map((run) => run.cpu), 1, 's'), spread(two.map((run) => run.peak / MB), 0, 'MB'), verdict(Math.max(...two.map((run) => run.peak / MB)), 128, 'MB')],
  ['… times one connection in the same round', spread(two.map((run, round) => run.seconds / seconds[round]), 2), '', '', ''],
];
for (const [peer, runs] of Object.entries(others)) {
  if (!runs) {
    body.push([`${titles[peer]}: could not`, '', '', '', '']);
    continue;
  }
  const theirs = runs.map((run) => run.seconds);
  body.push([`${titles[peer]} (${runs[0].version})`, spread(theirs, 2, 's'), spread(runs.map((run) => run.cpu), 1, 's'), spread(runs.map((run) => run.peak / MB), 0, 'MB'), '']);
  body.push([`… the import takes times its time`, spread(times(theirs), 2), '', '', peer === 'duckdb' ? verdict(median(times(theirs)), toDuckdb) : '']);
  const twice = two.map((run, round) => run.seconds / theirs[round]);
  body.push([`… through two connections`, spread(twice, 2), '', '', peer === 'duckdb' ? verdict(median(twice), twoToDuckdb) : '']);
}
const what = table === 'lineitem' ? `TPC-H lineitem, scale factor ${env.scale}` : 'The mixed table';
publish(
  `${table}${tls ? ' over TLS' : ''}`,
  `${what}, ${tls ? 'over TLS 1.3' : 'without TLS'}: ${rows.toLocaleString('en')} rows, ${names.length} columns; ${rounds} interleaved rounds; ${figure(idle / MB, 0, 'MB')} of memory before the first.`,
  ['', 'median (min to max)', 'CPU', 'peak memory over idle', 'held to'],
  body,
);
// The last one stays for the parts after this.
for (const run of [...two, ...own.slice(0, -1)]) await mycorr.call('DELETE', `/tables/${run.table}`);
await stop();

/** Seconds from the statement sent to the last byte received, as the raw client measures them. */
function runRaw() {
  const secure = tls ? [`${env.work}/ca.crt`] : [];
  const answer = JSON.parse(execFileSync(env.raw, [`127.0.0.1:${env.pg_port}`, 'mycorr_reader', 'bench', formats, statement, ...secure], { encoding: 'utf8' }));
  if (answer.rows !== rows) throw new Error(`the raw client read ${answer.rows} rows of ${rows}`);
  return answer.seconds;
}

/** From the request to the event that says the version is committed. */
async function runImport(round, connections) {
  await mycorr.call('PATCH', `/connections/${connection.id}`, { max_connections: connections });
  server.forgetPeak();
  const cpu = server.cpuSeconds();
  let ended;
  const milliseconds = await timed(async () => {
    const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table, name: `${table} ${round + 1}, ${connections}` });
    ended = await mycorr.follow(job);
  });
  if (ended.state !== 'succeeded' || ended.rows !== rows) throw new Error(`the import ${ended.state}: ${JSON.stringify(ended.problem)}`);
  if (ended.connections !== connections) console.error(`${ended.connections} of ${connections} connections: ${ended.connections_note}`);
  return { seconds: milliseconds / 1000, cpu: server.cpuSeconds() - cpu, peak: server.status('VmHWM') - idle, table: ended.table_id };
}

/** A peer that fails once is not asked again; its place in the table says so. */
function runPeer(peer) {
  const secure = tls ? [`${env.work}/ca.crt`] : [];
  try {
    const output = execFileSync(env.python, ['bench/peers.py', peer, env.pg_port, table, key, `${env.work}/peer.parquet`, ...secure], { encoding: 'utf8' });
    others[peer].push(JSON.parse(output));
  } catch (error) {
    console.error(`${peer}: ${String(error.stderr || error).trim().split('\n').at(-1)}`);
    others[peer] = null;
  }
}
