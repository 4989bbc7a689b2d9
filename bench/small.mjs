// Small things: a table of 100 rows from the request to the commit, and whether its thousandth sync costs what its first did.
import { psql } from '../scripts/client.mjs';
import { connect, env, figure, percentile, publish, serve, source, spread, timed, verdict } from './report.mjs';

const syncs = Number(env.syncs ?? 1000);
// Two checkpoints of the Delta log lie in so many commits.
const WINDOW = 20;
const bench = source('bench');
const { mycorr, process: server, stop } = await serve();
psql(bench, `DROP TABLE IF EXISTS small; CREATE TABLE small AS SELECT n AS id, md5(n::text) AS name, now() AS at FROM generate_series(1, 100) n; GRANT SELECT ON small TO mycorr_reader; SELECT 'null'::json`);
const connection = await connect(mycorr, 'small', 'bench');
const model = await mycorr.post('/models', { name: 'small' });

const imports = [];
let table;
for (let n = 0; n < 30; n++) {
  imports.push(await timed(async () => {
    const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table: 'small', name: `small ${n}` });
    table = ended(await mycorr.follow(job)).table_id;
  }));
}
const times = [];
const cpu = [];
for (let n = 0; n < syncs; n++) {
  // A row changes, so that there is something new to keep.
  psql(bench, `UPDATE small SET name = '${n}' WHERE id = ${1 + (n % 100)}; SELECT 'null'::json`);
  const before = server.cpuSeconds();
  times.push(await timed(async () => {
    const { job } = await mycorr.post(`/tables/${table}/sync`, {});
    ended(await mycorr.follow(job));
  }));
  cpu.push(1000 * (server.cpuSeconds() - before));
  if ((n + 1) % 100 === 0) console.error(`${n + 1} syncs: ${spread(times.slice(-WINDOW), 0, 'ms')}, CPU ${mean(cpu.slice(-WINDOW)).toFixed(0)} ms each`);
}
const [first, last] = [times.slice(0, WINDOW), times.slice(-WINDOW)];
publish(
  'small',
  `A table of 100 rows: 30 imports and ${syncs.toLocaleString('en')} syncs one after the other, from the request to the event that says that the version is committed, log-in included.`,
  ['', 'median (min to max)', 'CPU of each', 'held to'],
  [
    ['import', spread(imports, 0, 'ms'), '', verdict(percentile(imports, 0.5), 150, 'ms')],
    [`sync, the first ${WINDOW}`, spread(first, 0, 'ms'), figure(mean(cpu.slice(0, WINDOW)), 0, 'ms'), ''],
    [`sync, the last ${WINDOW} of ${syncs.toLocaleString('en')}`, spread(last, 0, 'ms'), figure(mean(cpu.slice(-WINDOW)), 0, 'ms'), ''],
    ['… times the first', spread([percentile(last, 0.5) / percentile(first, 0.5)], 2), '', verdict(percentile(last, 0.5) / percentile(first, 0.5), 1.2)],
  ],
);
psql(bench, `DROP TABLE small; SELECT 'null'::json`);
await stop();

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ended(job) {
  if (job.state !== 'succeeded') throw new Error(JSON.stringify(job.problem));
  return job;
}
