// See bench/fairness, which runs this.
import net from 'node:net';
import { Client } from '../scripts/client.mjs';

const { BASE, SOURCE_PORT, ROUNDS } = process.env;

async function person(name, port) {
  const client = new Client(BASE);
  await client.signUp({ name, email: `${name}@example.com`, password: 'not-a-secret-at-all' });
  const model = await client.post('/models', { name });
  const connection = await client.post('/connections', {
    kind: 'postgresql', name, host: '127.0.0.1', port: Number(port), database: 'postgres', username: 'reader', password: 'trust', encrypted: false,
  });
  const begin = async (table) => (await client.post(`/models/${model.id}/imports`, { connection_id: connection.id, schema: 'public', table })).job;
  const job = ({ id }) => client.get(`/jobs/${id}`);
  const cancel = ({ id }) => client.post(`/jobs/${id}/cancel`, {});
  return { begin, job, cancel };
}

const over = new Set(['succeeded', 'failed', 'cancelled']);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Seconds from asking for an import until it is done. */
async function timed(who) {
  const started = performance.now();
  const asked = await who.begin('small');
  for (;;) {
    const now = await who.job(asked);
    if (now.state === 'succeeded') return (performance.now() - started) / 1000;
    if (over.has(now.state)) throw new Error(JSON.stringify(now.problem));
    await sleep(20);
  }
}

async function measure(who) {
  const seconds = [];
  for (let round = 0; round < Number(ROUNDS); round++) {
    seconds.push(await timed(who));
    await sleep(500);
  }
  return seconds;
}

/** A way to the source that passes a byte a second once it drips. */
function dripping() {
  const state = { drips: false };
  const server = net.createServer((client) => {
    const source = net.connect(Number(SOURCE_PORT), '127.0.0.1');
    client.pipe(source);
    let held = Buffer.alloc(0);
    source.on('data', (data) => {
      if (!state.drips) return client.write(data);
      held = Buffer.concat([held, data]);
      if (held.length > 1 << 20) source.pause();
    });
    const timer = setInterval(() => {
      if (held.length === 0) return;
      const now = state.drips && state.reading ? 1 : held.length;
      client.write(held.subarray(0, now));
      held = held.subarray(now);
    }, state.drips ? 1000 : 1);
    for (const socket of [client, source]) {
      socket.on('error', () => {});
      socket.on('close', () => { clearInterval(timer); client.destroy(); source.destroy(); });
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ state, port: server.address().port, server })));
}

const waiting = await person('waiting', SOURCE_PORT);
const alone = await measure(waiting);
console.log(`alone: ${Math.max(...alone).toFixed(2)} s at most`);

const busy = await person('busy', SOURCE_PORT);
const imports = [];
for (let n = 0; n < 15; n++) imports.push(await busy.begin('large'));
await sleep(1000);
const beside = await measure(waiting);
const states = await Promise.all(imports.map((one) => busy.job(one)));
const unfinished = states.filter(({ state }) => !over.has(state)).length;
const delay = Math.max(...beside) - Math.min(...alone);
console.log(`beside another's 15 imports of 1 M rows (${unfinished} of them still to be done): ${Math.max(...beside).toFixed(2)} s at most; delayed by ${delay.toFixed(2)} s, ≤ 3 s ${delay <= 3 ? 'held' : 'NOT HELD'}`);
for (const one of imports) await busy.cancel(one);

const proxies = [await dripping(), await dripping()];
const drippers = [];
for (const [n, { state, port }] of proxies.entries()) {
  const who = await person(`dripping${n}`, port);
  state.drips = true;
  state.reading = true;
  drippers.push([who, await who.begin('large')]);
}
await sleep(5000);
const drip = await measure(waiting);
const late = Math.max(...drip) - Math.min(...alone);
const still = (await Promise.all(drippers.map(([who, job]) => who.job(job)))).map(({ state }) => state);
console.log(`beside two sources that drip (${still.join(', ')}): ${Math.max(...drip).toFixed(2)} s at most; delayed by ${late.toFixed(2)} s, ≤ 3 s ${late <= 3 ? 'held' : 'NOT HELD'}`);
for (const [who, job] of drippers) await who.cancel(job);
process.exit(delay <= 3 && late <= 3 ? 0 : 1);
