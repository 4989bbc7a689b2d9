// What the server takes when many ask at once: different sorts of an imported lineitem, and pages of large documents.
import { MB, connect, env, figure, publish, serve, source, spread, timed, verdict } from './report.mjs';
import { psql } from '../scripts/client.mjs';

const SORTS = Number(env.sorts ?? 50);
const READERS = 20;
const LIMIT_MB = 1000;
const server = await serve();
const { mycorr } = server;
const connection = await connect(mycorr, 'bounds', 'bench');
const model = await mycorr.post('/models', { name: 'bounds' });
const lineitem = await imported('lineitem');
const documents = await imported('documents');
const { rows, columns } = await mycorr.get(`/tables/${lineitem}`);

// Every ordered pair of columns is another sort.
const names = columns.map((column) => column.name);
const sorts = names.flatMap((one) => names.filter((other) => other !== one).map((other) => `-${one},${other}`));
const step = Math.max(1, Math.floor(sorts.length / SORTS));
const chosen = sorts.filter((_, at) => at % step === 0).slice(0, SORTS);

const sorted = await atOnce(chosen.map((sort) => `/tables/${lineitem}/rows?limit=200&sort=${sort}`));
const again = await atOnce(chosen.map((sort) => `/tables/${lineitem}/rows?limit=200&offset=${Math.floor(rows / 2)}&sort=${sort}`));
const read = await atOnce(Array.from({ length: READERS }, (_, at) => `/tables/${documents}/rows?limit=200&offset=${at}`));
await server.stop();

publish(
  'bounds',
  `Requests at once, each on its own connection, over ${rows.toLocaleString('en')} rows (lineitem) and 400 documents of 900 kB; memory is the process's peak.`,
  ['', 'answered', 'the last to the last byte', 'peak memory', 'held to'],
  [
    [`first page of ${chosen.length} different sorts`, ...columnsOf(sorted)],
    ['a page in the middle of each of them', ...columnsOf(again)],
    [`200 documents, ${READERS} readers`, ...columnsOf(read)],
  ],
);
process.exitCode = [sorted, again, read].every((one) => one.failed.length === 0) ? 0 : 1;

function columnsOf({ milliseconds, failed, peak }) {
  for (const problem of failed.slice(0, 3)) console.error(problem.message);
  return [
    `${milliseconds.length} of ${milliseconds.length + failed.length}`,
    milliseconds.length > 0 ? spread([Math.max(...milliseconds) / 1000], 1, 's') : '',
    figure(peak, 0, 'MB'),
    verdict(peak, LIMIT_MB, 'MB'),
  ];
}

async function atOnce(paths) {
  server.process.forgetPeak();
  const milliseconds = [];
  const failed = [];
  await Promise.all(
    paths.map(async (path) => {
      try {
        milliseconds.push(await timed(() => mycorr.get(path)));
      } catch (problem) {
        failed.push(problem);
      }
    }),
  );
  return { milliseconds, failed, peak: server.process.status('VmHWM') / MB };
}

async function imported(table) {
  if (table === 'documents') {
    psql(source('bench'), `CREATE TABLE IF NOT EXISTS documents AS SELECT n AS id, lpad(n::text, 900000, md5(n::text)) AS document FROM generate_series(1, 400) n`);
    psql(source('bench'), `GRANT SELECT ON documents TO mycorr_reader`);
  }
  const body = { connection_id: connection.id, schema: 'public', table, name: table };
  const { job } = await mycorr.post(`/models/${model.id}/imports`, body);
  const ended = await mycorr.follow(job);
  if (ended.state !== 'succeeded') throw new Error(ended.problem?.detail);
  return ended.table_id;
}
