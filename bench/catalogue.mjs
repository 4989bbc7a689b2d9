// Browsing 10,000 tables in 50 schemas with 100,000 columns through the HTTP API, directly and through PgBouncer in
// transaction mode: each answer asks the source anew.
import { connect, env, figure, percentile, publish, serve, timed, verdict } from './report.mjs';

const REPEATS = 40;
const { mycorr, stop } = await serve();
const rows = [];
for (const [way, port] of [['directly', env.pg_port], ['through PgBouncer', env.pool_port]]) {
  const { id } = await connect(mycorr, `catalogue ${way}`, 'catalogue', { port });
  const asked = {
    schemas: () => `/connections/${id}/schemas`,
    'tables of a schema': (n) => `/connections/${id}/schemas/area_${1 + (n % 50)}/tables?limit=1000`,
    'search in a schema': (n) => `/connections/${id}/schemas/area_${1 + (n % 50)}/tables?search=invoices_1`,
    'describe a table': (n) => `/connections/${id}/schemas/area_${1 + (n % 50)}/tables/customers_${2 + 5 * (n % 40)}`,
  };
  for (const [what, path] of Object.entries(asked)) {
    const items = [];
    const times = [];
    for (let n = 0; n < REPEATS; n++) {
      times.push(await timed(async () => items.push((await mycorr.get(path(n))).items?.length)));
    }
    rows.push([`${what}, ${way}`, items[0] === undefined ? '' : `${items[0]}`, figure(percentile(times, 0.5), 0, 'ms'), figure(percentile(times, 0.99), 0, 'ms'), verdict(percentile(times, 0.99), 150, 'ms')]);
  }
}
await stop();
publish('catalogue', `10,000 tables in 50 schemas, 100,000 columns; ${REPEATS} requests each, from the request to the last byte, each with a log-in of its own.`, ['', 'items', 'p50', 'p99', 'held to'], rows);
