// How fast a version comes out as a file: lineitem as CSV, JSON lines, Parquet and Arrow over loopback, beside PostgreSQL's
// own COPY of the table as CSV, in turns.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { MB, connect, env, figure, median, publish, serve, source, spread, timed, verdict } from './report.mjs';

const FORMATS = [['csv', 1e6], ['jsonl'], ['parquet'], ['arrow']];
const { mycorr, process: server, stop } = await serve();
const connection = await connect(mycorr, 'export', 'bench');
const model = await mycorr.post('/models', { name: 'export' });
const { job } = await mycorr.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table: 'lineitem' });
const { table_id: id, rows } = await mycorr.follow(job);

const copies = [];
const runs = new Map(FORMATS.map(([format]) => [format, []]));
// The first round is not counted.
for (let round = -1; round < Number(env.rounds); round++) {
  const copied = await timed(copy);
  if (round >= 0) copies.push(copied / 1000);
  for (const [format] of FORMATS) {
    const idle = server.status('VmRSS');
    server.forgetPeak();
    let bytes;
    const seconds = (await timed(async () => { bytes = await download(format); })) / 1000;
    const peak = (server.status('VmHWM') - idle) / MB;
    console.error(`${format}, ${round}: ${seconds.toFixed(2)} s, ${(bytes / MB).toFixed(0)} MB, ${peak.toFixed(0)} MB of memory`);
    if (round >= 0) runs.get(format).push({ seconds, bytes, peak, times: seconds / (copied / 1000) });
  }
}
const body = FORMATS.map(([format, least]) => {
  const all = runs.get(format);
  const rate = all.map((one) => rows / one.seconds);
  const held = least && `≥ ${least.toLocaleString('en')} rows/s, ${median(rate) >= least ? 'held' : '**not held**'}`;
  return [`**${format}**`, spread(all.map((one) => one.seconds), 2, 's'), spread(rate, 0), held ?? '', figure(all[0].bytes / MB, 0, 'MB'), spread(all.map((one) => one.peak), 0, 'MB'), spread(all.map((one) => one.times), 2)];
});
body.push(['PostgreSQL: COPY … TO STDOUT (FORMAT csv)', spread(copies, 2, 's'), spread(copies.map((one) => rows / one), 0), '', '', '', '']);
publish(
  'export',
  `Downloads of lineitem, scale factor ${env.scale} (${rows.toLocaleString('en')} rows), over HTTP on loopback, not compressed; ${env.rounds} of each, in turns with PostgreSQL's own COPY.`,
  ['', 'median (min to max)', 'rows per second', 'held to', 'file', 'peak memory over idle', 'times COPY as CSV'],
  body,
);
await mycorr.call('DELETE', `/tables/${id}`);
await stop();

/** The bytes of a download, which nobody keeps. */
async function download(format) {
  const request = get(`http://${env.listen}/api/v1/tables/${id}/export?format=${format}`, { headers: { authorization: `Bearer ${mycorr.token}` } });
  const [answer] = await once(request, 'response');
  if (answer.statusCode !== 200) throw new Error(`${format}: ${answer.statusCode}`);
  let bytes = 0;
  for await (const chunk of answer) bytes += chunk.length;
  return bytes;
}

async function copy() {
  const { socket, port, database } = source('bench');
  const child = spawn('psql', ['-X', '-q', '-h', socket, '-p', port, '-U', 'mycorr_reader', '-d', database, '-c', 'COPY lineitem TO STDOUT (FORMAT csv, HEADER)'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('COPY failed');
}
