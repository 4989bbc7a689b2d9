// What the profile of a version costs: the time that imports spend on it, beside the time that they take without it.
import { readFileSync } from 'node:fs';
import { psql } from '../scripts/client.mjs';
import { connect, env, median, publish, serve, source, spread, timed, verdict } from './report.mjs';

const rounds = Number(env.rounds);
const log = `${env.work}/mycorr.log`;
const { mycorr, process: server, stop } = await serve({ RUST_LOG: 'warn,mycorr_tables::profile=debug', MYCORR_LOG_FORMAT: 'json' });
const model = await mycorr.post('/models', { name: 'profile' });
const connection = await connect(mycorr, 'profile', 'bench');
// The widest table that there can be.
psql(source('bench'), `DROP TABLE IF EXISTS widest; CREATE TABLE widest (${Array.from({ length: 1600 }, (_, n) => `c${n} int`)}); INSERT INTO widest SELECT ${Array.from({ length: 1600 }, (_, n) => `(g * ${n + 1}) % 1000`)} FROM generate_series(1, 5000) g; GRANT SELECT ON widest TO mycorr_reader; ANALYZE widest; SELECT 'null'::json`);

const body = [];
for (const table of ['lineitem', 'mixed', 'widest']) {
  // One unmeasured read puts the table into PostgreSQL's cache.
  await run(table, 'first');
  const runs = [];
  for (let round = 0; round < rounds; round++) runs.push(await run(table, round));
  // The profile is made beside the reader: all of it counts as if nothing went on meanwhile.
  const share = runs.map(({ seconds, profile }) => profile / (seconds - profile));
  const ofCpu = runs.map(({ cpu, profile }) => profile / (cpu - profile));
  body.push(
    [`**${table}**: import`, spread(runs.map((one) => one.seconds), 2, 's'), ''],
    ['… of it the profile', spread(runs.map((one) => one.profile), 3, 's'), ''],
    ['… times the import without it', spread(share, 3), verdict(median(share), 0.05)],
    ['… times its CPU without it', spread(ofCpu, 3), ''],
  );
}
publish(
  'profile',
  `Imports through one connection, without TLS, ${rounds} of each table after one that is not counted. The time of the profile is taken by the encoder around each batch, of all its threads together.`,
  ['', 'median (min to max)', 'held to'],
  body,
);
psql(source('bench'), `DROP TABLE widest; SELECT 'null'::json`);
await stop();

/** Seconds of an import, of its CPU and of the profile in it. */
async function run(table, round) {
  const before = profiled().length;
  const cpu = server.cpuSeconds();
  let ended;
  const milliseconds = await timed(async () => {
    const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table, name: `${table} ${round}` });
    ended = await mycorr.follow(job);
  });
  const used = server.cpuSeconds() - cpu;
  if (ended.state !== 'succeeded') throw new Error(JSON.stringify(ended.problem));
  await mycorr.call('DELETE', `/tables/${ended.table_id}`);
  const made = profiled().slice(before);
  if (made.length !== 1 || made[0].rows !== ended.rows) throw new Error(`the log tells of ${made.length} profiles`);
  const profile = made[0].microseconds / 1e6;
  console.error(`${table}, ${round}: ${(milliseconds / 1000).toFixed(2)} s, ${used.toFixed(1)} s of CPU, profile ${profile.toFixed(3)} s`);
  return { seconds: milliseconds / 1000, cpu: used, profile };
}

function profiled() {
  return readFileSync(log, 'utf8').split('\n').filter((line) => line.includes('a profile was made')).map((line) => {
    const { fields, ...flat } = JSON.parse(line);
    return fields ?? flat;
  });
}
