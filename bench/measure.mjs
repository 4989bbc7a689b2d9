// The measuring half of `make bench`: interleaved rounds of the raw client and an import, then pages at random offsets.
// Prints a Markdown table and puts it into docs/benchmarks.md in place of the one before.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import { Client, psql } from '../scripts/client.mjs';

const { BENCH_URL: url, BENCH_PID: pid, BENCH_RAW: raw, BENCH_PG_PORT: port, BENCH_SCALE: scale } = process.env;
const rounds = Number(process.env.BENCH_ROUNDS);
const source = { socket: process.env.BENCH_PG_SOCKET, port, database: 'tpch' };
const PAGES = 500;
const MB = 1e6;

const mycorr = new Client(url);
await mycorr.signUp({ name: 'Bench', email: 'bench@example.com', password: 'not-a-secret-at-all' });
const connection = await mycorr.post('/connections', {
  kind: 'postgresql', name: 'TPC-H', host: '127.0.0.1', port: Number(port), database: 'tpch',
  username: 'mycorr_reader', password: 'trust', encrypted: false,
});
const model = await mycorr.post('/models', { name: 'TPC-H' });

const rows = psql(source, 'SELECT count(*) FROM lineitem');
const names = psql(source, `SELECT json_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'lineitem'::regclass AND attnum > 0`);
const statement = `SELECT ${names.map((name) => `"${name}"`).join(', ')} FROM "public"."lineitem"`;
// Integers, numeric, dates and characters: the reader asks for all sixteen as text (crates/pgread/src/types.rs).
const formats = 't'.repeat(names.length);

// One unmeasured read puts the table into PostgreSQL's cache.
runRaw();
const idle = status('VmRSS');
const measured = { raw: [], wall: [], cpu: [], peak: [] };
let table;
for (let round = 0; round < rounds; round++) {
  measured.raw.push(runRaw());
  table = await runImport();
  console.error(`round ${round + 1}: raw ${measured.raw.at(-1).toFixed(2)} s, import ${measured.wall.at(-1).toFixed(2)} s, peak ${measured.peak.at(-1).toFixed(0)} MB over idle`);
}
const pages = await readPages();

const rate = measured.wall.map((wall) => rows / wall);
const ratio = measured.wall.map((wall, round) => wall / measured.raw[round]);
const figures = [
  ['raw client, the same SELECT thrown away', spread(measured.raw, 2, 's'), ''],
  ['import into a committed version', spread(measured.wall, 2, 's'), ''],
  ['… rows per second', spread(rate, 0, ''), ''],
  ['… times the raw client of the same round', spread(ratio, 2, ''), verdict(median(ratio), 2, '')],
  ['… CPU of the process', spread(measured.cpu, 2, 's'), ''],
  [`… peak memory over idle (idle ${(idle / MB).toFixed(0)} MB)`, spread(measured.peak, 0, 'MB'), verdict(Math.max(...measured.peak), 192, 'MB')],
  [`page of 200 rows at ${PAGES} random offsets, p50`, `${percentile(pages, 0.5).toFixed(1)} ms`, ''],
  ['… p99', `${percentile(pages, 0.99).toFixed(1)} ms`, verdict(percentile(pages, 0.99), 50, 'ms')],
];
const report = [
  `TPC-H lineitem, scale factor ${scale}: ${rows.toLocaleString('en')} rows, ${names.length} columns; ${rounds} interleaved rounds.`,
  `${new Date().toISOString().slice(0, 10)}, ${machine()}.`,
  '',
  '| | median (min to max) | held to |',
  '| --- | ---: | --- |',
  ...figures.map((cells) => `| ${cells.join(' | ')} |`),
].join('\n');
console.log(`\n${report}`);

const file = new URL('../docs/benchmarks.md', import.meta.url);
const [begin, end] = ['<!-- make bench writes from here -->', '<!-- to here -->'];
const page = readFileSync(file, 'utf8');
writeFileSync(file, `${page.slice(0, page.indexOf(begin) + begin.length)}\n\n${report}\n\n${page.slice(page.indexOf(end))}`);

/** Seconds from the statement sent to the last byte received, as the raw client measures them. */
function runRaw() {
  const answer = JSON.parse(execFileSync(raw, [`127.0.0.1:${port}`, 'mycorr_reader', 'tpch', formats, statement], { encoding: 'utf8' }));
  if (answer.rows !== rows) throw new Error(`the raw client read ${answer.rows} rows of ${rows}`);
  return answer.seconds;
}

/** From the request to the event that says the version is committed. */
async function runImport() {
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // VmHWM starts anew (proc_pid_clear_refs(5))
  const cpu = cpuSeconds();
  const started = performance.now();
  const { job } = await mycorr.post(`/models/${model.id}/imports`, {
    connection_id: connection.id, schema: 'public', table: 'lineitem', name: `lineitem ${measured.wall.length + 1}`,
  });
  const ended = await mycorr.follow(job);
  measured.wall.push((performance.now() - started) / 1000);
  measured.cpu.push(cpuSeconds() - cpu);
  measured.peak.push((status('VmHWM') - idle) / MB);
  if (ended.state !== 'succeeded' || ended.rows !== rows) throw new Error(`the import ${ended.state}: ${JSON.stringify(ended.problem)}`);
  return ended.table_id;
}

/** Milliseconds of each page, over one kept connection, from the request to the last byte. */
async function readPages() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const read = (offset) =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const options = { agent, headers: { authorization: `Bearer ${mycorr.token}` } };
      http.get(`${url}/api/v1/tables/${table}/rows?offset=${offset}&limit=200`, options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const milliseconds = performance.now() - started;
          const page = JSON.parse(Buffer.concat(chunks).toString());
          if (page.rows?.length !== 200) reject(new Error(`a page of ${page.rows?.length} rows: ${page.detail}`));
          resolve(milliseconds);
        });
      }).on('error', reject);
    });
  for (let n = 0; n < 20; n++) await read(n * 200);
  const times = [];
  let seed = 20_260_101;
  for (let n = 0; n < PAGES; n++) {
    seed = (seed * 48_271) % 2_147_483_647; // the minimal standard generator (Park and Miller): the same offsets on every run
    times.push(await read(seed % (rows - 200)));
  }
  agent.destroy();
  return times;
}

/** A line of /proc/PID/status, in bytes. */
function status(field) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))[1]) * 1024;
}

/** User and system time of the process so far; the kernel counts it in hundredths of a second. */
function cpuSeconds() {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function machine() {
  const { version } = psql(source, `SELECT json_build_object('version', current_setting('server_version'))`);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const memory = `${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  return `Mycorr ${commit}, PostgreSQL ${version.split(' ')[0]} on the same machine, Linux ${os.release().split('-')[0]}, ${os.cpus().length} cores of ${os.cpus()[0].model.trim()}, ${memory}`;
}

function median(values) {
  return percentile(values, 0.5);
}

/** The value at `share` of the sorted values, between neighbours where it falls between. */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at % 1);
}

function spread(values, digits, unit) {
  const show = (value) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))}) ${unit}`.trim();
}

function verdict(value, limit, unit) {
  return `≤ ${limit} ${unit}`.trim() + (value <= limit ? ', held' : ', **not held**');
}
