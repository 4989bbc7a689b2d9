// What one to eight agreed connections bring, beside DuckDB with as many threads (each has its own connection), in the same rounds.
import { execFileSync } from 'node:child_process';
import { psql } from '../scripts/client.mjs';
import { MB, connect, env, publish, serve, source, spread, timed } from './report.mjs';

const rounds = Number(env.rounds);
const SETTINGS = [1, 2, 4, 8];
const { mycorr, process: server, stop } = await serve();
const connection = await connect(mycorr, 'connections', 'bench');
const model = await mycorr.post('/models', { name: 'connections' });
const body = [];
for (const [table, key] of [['lineitem', 'l_orderkey'], ['mixed', 'id']]) {
  psql(source('bench'), `SELECT count(*) FROM ${table}`);
  const runs = SETTINGS.map(() => []);
  for (let round = 0; round < rounds; round++) for (const [at, n] of SETTINGS.entries()) runs[at].push(await both(table, key, round, n));
  for (const [at, n] of SETTINGS.entries()) {
    const of = (field) => runs[at].map((run) => run[field]);
    const alone = runs[at].map((run, round) => run.own / runs[0][round].own);
    const beside = runs[at].map((run) => run.own / run.duckdb);
    body.push([table, n, spread(of('used'), 0), spread(of('own'), 2, 's'), spread(of('peak'), 0, 'MB'), spread(alone, 2), spread(of('duckdb'), 2, 's'), spread(beside, 2)]);
  }
}
publish(
  'connections',
  `Imports through agreed connections beside DuckDB's threads, ${rounds} interleaved rounds, lineitem at scale factor ${env.scale}.`,
  ['table', 'allowed', 'used', 'import', 'peak memory over idle', 'times one connection', 'DuckDB', 'times DuckDB'],
  body,
);
await stop();

async function both(table, key, round, n) {
  await mycorr.call('PATCH', `/connections/${connection.id}`, { max_connections: n });
  const idle = server.status('VmRSS');
  server.forgetPeak();
  let ended;
  const milliseconds = await timed(async () => {
    const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table, name: `${table} ${round}, ${n}` });
    ended = await mycorr.follow(job);
  });
  if (ended.state !== 'succeeded') throw new Error(JSON.stringify(ended.problem));
  const peak = (server.status('VmHWM') - idle) / MB;
  await mycorr.call('DELETE', `/tables/${ended.table_id}`);
  const output = execFileSync(env.python, ['bench/peers.py', 'duckdb', env.pg_port, table, key, `${env.work}/peer.parquet`], { encoding: 'utf8', env: { ...process.env, DUCKDB_THREADS: String(n) } });
  const run = { used: ended.connections, own: milliseconds / 1000, peak, duckdb: JSON.parse(output).seconds };
  console.error(`${table}, round ${round + 1}, ${n}: ${run.used} used${ended.connections_note ? ` (${ended.connections_note})` : ''}, import ${run.own.toFixed(2)} s, ${run.peak.toFixed(0)} MB over idle, DuckDB ${run.duckdb.toFixed(2)} s`);
  return run;
}
