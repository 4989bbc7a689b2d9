// A small client of Mycorr's HTTP API for the demo and the benchmarks. Node 20 or newer, no dependencies.
import { execFileSync } from 'node:child_process';

/** An answer that is not 2xx: the problem+json body and its status. */
export class Refused extends Error {
  constructor(method, path, status, problem) {
    super(`${method} ${path} answered ${status}: ${problem.code ?? ''} ${problem.detail ?? ''} ${problem.fix ?? ''}`.trim());
    Object.assign(this, { status, problem });
  }
}

export class Client {
  /** `base` is the server's address, `http://127.0.0.1:8420`; without a token only sign-up works. */
  constructor(base, token = undefined) {
    this.base = base;
    this.token = token;
  }

  /** Makes the account and goes on as it: the session of the sign-up makes an API token for this client. */
  async signUp(account) {
    const response = await this.send('POST', '/sign-up', account);
    if (!response.ok) throw new Refused('POST', '/sign-up', response.status, await response.json());
    this.cookie = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ');
    const { token } = await this.post('/tokens', { name: 'journey' });
    this.token = token;
    this.cookie = undefined;
  }

  /** One call under `/api/v1`; the body of the answer, parsed. */
  async call(method, path, body) {
    const response = await this.send(method, path, body);
    const text = await response.text();
    const answer = text ? JSON.parse(text) : null;
    if (!response.ok) throw new Refused(method, path, response.status, answer ?? {});
    return answer;
  }

  get(path) {
    return this.call('GET', path);
  }

  post(path, body) {
    return this.call('POST', path, body);
  }

  /** Every item of a list, all its pages. */
  async all(path) {
    const items = [];
    for (let after = null; ; ) {
      const separator = path.includes('?') ? '&' : '?';
      const page = await this.get(after === null ? path : `${path}${separator}after=${encodeURIComponent(after)}`);
      items.push(...page.items);
      if (page.next == null) return items;
      after = page.next;
    }
  }

  /** Follows a job's events to its end; `seen` gets every state of it. The job as it ended. */
  async follow(job, seen = () => {}) {
    // As a browser does: a stream that breaks, because its node is gone, is asked for again.
    for (let breaks = 0; ; breaks++) {
      try {
        const last = await this.followOnce(job, seen);
        if (!['queued', 'running'].includes(last.state) || breaks === 10) return last;
      } catch (error) {
        if (error instanceof Refused || breaks === 10) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async followOnce(job, seen) {
    const response = await this.send('GET', `/jobs/${job.id}/events`, undefined, 'text/event-stream');
    if (!response.ok) throw new Refused('GET', `/jobs/${job.id}/events`, response.status, await response.json());
    let last = job;
    let buffer = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      buffer += chunk;
      const events = buffer.split('\n\n');
      buffer = events.pop();
      for (const event of events) {
        const data = event.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
        if (!data) continue;
        last = JSON.parse(data);
        seen(last);
      }
    }
    return last;
  }

  send(method, path, body, accept = 'application/json') {
    const headers = { accept };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (this.cookie) Object.assign(headers, { cookie: this.cookie, origin: this.base });
    if (body !== undefined) headers['content-type'] = 'application/json';
    return fetch(`${this.base}/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  }
}

/** Asks the source itself, as its superuser, under the settings that the API promises for its cells; the answer is JSON. */
export function psql(source, statement) {
  const settings = ['TimeZone=UTC', 'DateStyle=ISO,MDY', 'IntervalStyle=postgres', 'bytea_output=hex', 'extra_float_digits=1', 'lc_monetary=C'];
  const output = execFileSync(
    'psql',
    ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', source.socket, '-p', source.port, '-U', 'postgres', '-d', source.database, '-f', '-'],
    { input: statement, encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, PGOPTIONS: settings.map((s) => `-c ${s}`).join(' ') } },
  ).trim();
  return output === '' ? null : JSON.parse(output);
}
