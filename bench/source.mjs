// What several connections cost the source: which pages its cache holds before and after an import of a table that is larger
// than the cache, and the CPU of its processes.
import { execFileSync } from 'node:child_process';
import { psql } from '../scripts/client.mjs';
import { connect, env, publish, serve, source, spread, timed } from './report.mjs';

const rounds = Number(env.rounds);
const SETTINGS = [1, 2, 4, 8];
const bench = source('bench');
const { mycorr, stop } = await serve();
const connection = await connect(mycorr, 'source', 'bench');
const model = await mycorr.post('/models', { name: 'source' });
// A table that somebody else works with: an eighth of the cache, so that a scan of it stays there.
psql(bench, `DROP TABLE IF EXISTS hot; CREATE TABLE hot AS SELECT n, repeat('x', 900) AS pad FROM generate_series(1, 15000) n; VACUUM (FREEZE, ANALYZE) hot; SELECT 'null'::json`);
const runs = SETTINGS.map(() => []);
for (let round = 0; round < rounds; round++) for (const [at, connections] of SETTINGS.entries()) runs[at].push(await run(round, connections));
const of = (at, field) => runs[at].map((one) => one[field]);
publish(
  'source',
  `lineitem, scale factor ${env.scale}, ${psql(bench, 'SELECT pg_relation_size(\'lineitem\') / 1000000')} MB, with a cache of 128 MB; ${rounds} rounds.`,
  ['connections allowed', 'used', 'seconds', 'CPU of the server', 'pages of another table cached before', 'and after', 'pages of the table cached after'],
  SETTINGS.map((connections, at) => [connections, spread(of(at, 'used'), 0), spread(of(at, 'seconds'), 2, 's'), spread(of(at, 'cpu'), 1, 's'), spread(of(at, 'before'), 0), spread(of(at, 'after'), 0), spread(of(at, 'own'), 0)]),
);
psql(bench, `DROP TABLE hot; SELECT 'null'::json`);
await stop();

async function run(round, connections) {
  await mycorr.call('PATCH', `/connections/${connection.id}`, { max_connections: connections });
  for (let warm = 0; warm < 6; warm++) psql(bench, 'SELECT count(pad) FROM hot');
  const [before, cpu] = [cached('hot'), serverSeconds()];
  let ended;
  const milliseconds = await timed(async () => {
    const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table: 'lineitem', name: `lineitem ${round}, ${connections}` });
    ended = await mycorr.follow(job);
  });
  if (ended.state !== 'succeeded') throw new Error(JSON.stringify(ended.problem));
  const after = { used: ended.connections, seconds: milliseconds / 1000, cpu: serverSeconds() - cpu, before, after: cached('hot'), own: cached('lineitem') };
  await mycorr.call('DELETE', `/tables/${ended.table_id}`);
  return after;
}

function cached(table) {
  return psql(bench, `SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('${table}') AND reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`);
}

/** CPU of the server's processes: of those that ended, as their parent counts them, and of those that are there. */
function serverSeconds() {
  const postmaster = execFileSync('head', ['-1', `${env.work}/postgres/data/postmaster.pid`], { encoding: 'utf8' }).trim();
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', postmaster], { encoding: 'utf8' }).trim().split(/\s+/);
  const ticks = (pid, fields) => {
    try {
      const all = execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(') ')[1].split(' ');
      return fields.reduce((sum, field) => sum + Number(all[field]), 0);
    } catch {
      return 0;
    }
  };
  return (ticks(postmaster, [11, 12, 13, 14]) + children.reduce((sum, pid) => sum + ticks(pid, [11, 12]), 0)) / 100;
}
