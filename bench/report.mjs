// What the parts of `make bench` share: the server under test and its process, statistics, and a place in docs/benchmarks.md.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { Client, psql } from '../scripts/client.mjs';

export const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('BENCH_')).map(([name, value]) => [name.slice(6).toLowerCase(), value]));
export const source = (database) => ({ socket: env.pg_socket, port: env.pg_port, database });
export const MB = 1e6;

const account = { name: 'Bench', email: 'bench@example.com', password: 'not-a-secret-at-all' };

/** `mycorr serve` on the data of this run, ready; each part has its own, so that memory over idle is over idle. */
export async function serve(more = {}) {
  const log = openSync(`${env.work}/mycorr.log`, 'a');
  const settings = { PATH: process.env.PATH, HOME: process.env.HOME, MYCORR_LISTEN: env.listen, MYCORR_DATA_DIR: `${env.work}/mycorr`, MYCORR_ALLOW_HOSTS: '127.0.0.1', ...more };
  const started = performance.now();
  const child = spawn(env.mycorr, ['serve'], { env: settings, stdio: ['ignore', log, log] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  while (!(await fetch(`http://${env.listen}/readyz`).catch(() => null))?.ok) {
    if (child.exitCode !== null) throw new Error('mycorr did not start');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const ready = performance.now() - started;
  const file = `${env.work}/token`;
  const mycorr = new Client(`http://${env.listen}`, existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  if (!mycorr.token) {
    await mycorr.signUp(account);
    writeFileSync(file, mycorr.token);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', kill);
  };
  return { mycorr, process: new Process(child.pid), ready, stop };
}

/** What the kernel knows of a process. */
class Process {
  constructor(pid) {
    this.pid = pid;
  }

  /** A line of /proc/PID/status, in bytes. */
  status(field) {
    return Number(readFileSync(`/proc/${this.pid}/status`, 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))[1]) * 1024;
  }

  /** VmHWM starts anew (proc_pid_clear_refs(5)). */
  forgetPeak() {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  /** User and system time so far; the kernel counts it in hundredths of a second. */
  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}

export function connect(mycorr, name, database, { port = env.pg_port, tls = false } = {}) {
  const secure = tls ? { encrypted: true, ca_certificate: readFileSync(`${env.work}/ca.crt`, 'utf8') } : { encrypted: false };
  return mycorr.post('/connections', {
    kind: 'postgresql', name, host: '127.0.0.1', port: Number(port), database, username: 'mycorr_reader', password: 'trust', ...secure,
  });
}

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The value at `share` of the sorted values, between neighbours where it falls between. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at % 1);
}

export const median = (values) => percentile(values, 0.5);

const show = (value, digits) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

export function spread(values, digits, unit = '') {
  if (values.length === 1) return `${show(values[0], digits)} ${unit}`.trim();
  return `${show(median(values), digits)} (${show(Math.min(...values), digits)} to ${show(Math.max(...values), digits)}) ${unit}`.trim();
}

export const figure = (value, digits, unit) => `${show(value, digits)} ${unit}`.trim();

/** What a figure is held to, and whether it was. */
export function verdict(value, limit, unit = '') {
  return `≤ ${limit} ${unit}`.trim() + (value <= limit ? ', held' : ', **not held**');
}

/** Prints the report and puts it into docs/benchmarks.md in place of the one before. */
export function publish(part, sentence, head, rows) {
  const report = [
    sentence,
    `${new Date().toISOString().slice(0, 10)}, ${machine()}.`,
    '',
    `| ${head.join(' | ')} |`,
    `| --- |${head.slice(2).map(() => ' ---: |').join('')} --- |`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
  console.log(`\n${report}`);
  const file = new URL('../docs/benchmarks.md', import.meta.url);
  const [begin, end] = [`<!-- make bench writes ${part} from here -->`, '<!-- to here -->'];
  const page = readFileSync(file, 'utf8');
  const from = page.indexOf(begin) + begin.length;
  if (from < begin.length) throw new Error(`docs/benchmarks.md has no place for ${part}`);
  writeFileSync(file, `${page.slice(0, from)}\n\n${report}\n\n${page.slice(page.indexOf(end, from))}`);
}

function machine() {
  const { version } = psql(source('bench'), `SELECT json_build_object('version', current_setting('server_version'))`);
  const commit = env.commit ?? execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const memory = `${Math.round(os.totalmem() / 2 ** 30)} GiB`;
  return `Mycorr ${commit}, PostgreSQL ${version.split(' ')[0]} on the same machine, Linux ${os.release().split('-')[0]}, ${os.cpus().length} cores of ${os.cpus()[0].model.trim()}, ${memory}`;
}
