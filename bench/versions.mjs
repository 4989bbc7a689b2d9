// What a sync stores and how long a diff takes: lineitem with ten rows changed, one percent appended, one percent changed,
// all changed.
import { readdirSync, statSync } from 'node:fs';
import { psql } from '../scripts/client.mjs';
import { MB, connect, env, figure, publish, serve, source, timed, verdict } from './report.mjs';

const { mycorr, process: server, stop } = await serve();
const table = 'versions';
psql(source('bench'), `DROP TABLE IF EXISTS ${table}`);
psql(source('bench'), `CREATE TABLE ${table} AS SELECT * FROM lineitem`);
psql(source('bench'), `ALTER TABLE ${table} ADD PRIMARY KEY (l_orderkey, l_linenumber)`);
psql(source('bench'), `GRANT SELECT ON ${table} TO mycorr_reader`);
const connection = await connect(mycorr, 'versions', 'bench');
const model = await mycorr.post('/models', { name: 'versions' });

const first = await mycorr.follow((await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table })).job);
const id = first.table_id;
const full = stored();
const rows = [];
let version = first.version;
for (const [what, statement, most, limit] of [
  ['nothing', 'SELECT', 0, null],
  ['10 rows changed', `UPDATE ${table} SET l_comment = 'changed' WHERE ctid IN (SELECT ctid FROM ${table} ORDER BY md5(l_orderkey::text || l_linenumber) LIMIT 10)`, null, 500],
  ['1 % appended', `INSERT INTO ${table} SELECT l_orderkey + 100000000, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment FROM ${table} LIMIT ${Math.floor(first.rows / 100)}`, 5, null],
  ['1 % changed, all over', `UPDATE ${table} SET l_comment = 'changed' WHERE l_orderkey % 100 = 7`, null, 2000],
  ['all changed', `UPDATE ${table} SET l_comment = l_comment || '.'`, null, 10_000],
]) {
  psql(source('bench'), statement);
  const before = stored();
  let job;
  const sync = await timed(async () => {
    job = await mycorr.follow((await mycorr.post(`/tables/${id}/sync`, {})).job);
  });
  const part = (100 * (stored() - before)) / full;
  const row = [what, figure(sync / 1000, 2, 's'), figure(part, 1, '%'), most === null ? '' : verdict(part, most, '%')];
  if (job.unchanged) {
    rows.push([...row, '', '', '']);
    continue;
  }
  const idle = server.status('VmRSS');
  server.forgetPeak();
  let found;
  const diff = await timed(async () => {
    found = await mycorr.get(`/tables/${id}/diff?from=${version}&to=${job.version}`);
  });
  const peak = (server.status('VmHWM') - idle) / MB;
  console.error(`${what}: +${found.added} −${found.removed} ~${found.changed} in ${diff.toFixed(0)} ms, ${part.toFixed(1)} % stored`);
  rows.push([...row, figure(diff / 1000, 2, 's'), limit === null ? '' : verdict(diff, limit, 'ms'), verdict(peak, 512, 'MB')]);
  version = job.version;
}
publish(
  'versions',
  `Syncs and diffs of lineitem, scale factor ${env.scale} (${first.rows.toLocaleString('en')} rows, ${figure(full / MB, 0, 'MB')} stored by the first import). A diff is asked for once, of two versions that nobody has compared.`,
  ['since the version before', 'sync', 'stored, of a full copy', 'held to', 'diff', 'held to', 'memory'],
  rows,
);
await mycorr.call('DELETE', `/tables/${id}`);
await stop();

/** Bytes of the table's files of rows. */
function stored() {
  const folder = `${env.work}/mycorr/tables/${id}`;
  const files = readdirSync(folder).filter((name) => name.endsWith('.parquet'));
  return files.reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
}
