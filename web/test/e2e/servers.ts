// What the browser tests run against: a throw-away PostgreSQL with TLS of its own CA, and `mycorr serve`
// that may reach just that server. Both live in a temporary folder and are stopped by their process ids.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

export const PASSWORD = "correct horse battery";

/** How many orders there are, and how many columns they have. */
export const ORDERS = 1_000_000;

const SHOP = `
CREATE ROLE mycorr_reader WITH LOGIN PASSWORD '${PASSWORD}';
CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped', 'cancelled');
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, email text, joined timestamptz NOT NULL);
INSERT INTO customers SELECT i, 'Customer ' || i, CASE WHEN i % 5 > 0 THEN 'c' || i || '@example.org' END,
  timestamptz '2026-01-01 00:00+00' + i * interval '1 hour' FROM generate_series(1, 2000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, placed_at timestamptz NOT NULL,
  status order_status NOT NULL, total numeric(12,2) NOT NULL, tags text[], note text, token uuid, payload jsonb, secret text);
INSERT INTO orders SELECT i, 1 + i % 2000, timestamptz '2026-01-01 00:00+00' + i * interval '10 seconds',
  (enum_range(NULL::order_status))[1 + i % 4], (i::bigint * 7919 % 100000) / 100.0, CASE WHEN i % 3 = 0 THEN ARRAY['gift', 'express'] END,
  CASE WHEN i % 4 = 0 THEN NULL WHEN i % 4 = 1 THEN '' ELSE E'two\\nlines, "quoted"' END,
  md5(i::text)::uuid, jsonb_build_object('cart', i), 'not for everyone' FROM generate_series(1, ${ORDERS}) i;
CREATE TABLE nothing (id bigint, name text);
CREATE TABLE payroll (id bigint, salary numeric);
CREATE VIEW recent_orders AS SELECT * FROM orders ORDER BY placed_at DESC LIMIT 100;
CREATE MATERIALIZED VIEW sales AS SELECT status, sum(total) FROM orders GROUP BY 1;
CREATE TABLE events (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
-- Takes as long as it is let.
CREATE VIEW slow AS SELECT i, pg_sleep(0.005)::text AS waited FROM generate_series(1, 100000) i;
CREATE SCHEMA warehouse;
CREATE TABLE warehouse.stock (product text, amount integer);
INSERT INTO warehouse.stock VALUES ('a', 1), ('b', 2);
GRANT USAGE ON SCHEMA public, warehouse TO mycorr_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO mycorr_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA warehouse TO mycorr_reader;
REVOKE ALL ON payroll FROM mycorr_reader;
REVOKE ALL ON orders FROM mycorr_reader;
GRANT SELECT (id, customer_id, placed_at, status, total, tags, note, token, payload) ON orders TO mycorr_reader;
ANALYZE;
`;

/** Servers refuse to run as root. */
const asRoot = process.getuid?.() === 0;
const account = asRoot
  ? {
      uid: Number(execFileSync("id", ["-u", "postgres"])),
      gid: Number(execFileSync("id", ["-g", "postgres"])),
    }
  : {};

function postgresBin(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  if (versions[0]) return join(root, versions[0], "bin");
  return execFileSync("pg_config", ["--bindir"], { encoding: "utf8" }).trim();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === "object" ? address.port : 0));
    });
  });
}

async function until(what: string, ready: () => Promise<boolean> | boolean) {
  for (let turn = 0; turn < 600; turn += 1) {
    if (await ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not start within a minute`);
}

function certificates(folder: string) {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  openssl(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "30",
    "-subj",
    "/CN=Shop test CA",
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
  );
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-subj",
    "/CN=127.0.0.1",
    "-keyout",
    "server.key",
    "-out",
    "server.csr",
  );
  writeFileSync(join(folder, "san.cnf"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
  openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-CAcreateserial",
    "-days",
    "30",
    "-extfile",
    "san.cnf",
    "-out",
    "server.pem",
  );
}

/** SQL as the server's administrator, over its socket. */
export function sql(text: string): string {
  const { MYCORR_E2E_SOCKET: host, MYCORR_E2E_PG_PORT: port } = process.env;
  return execFileSync(
    join(postgresBin(), "psql"),
    [
      "-X",
      "-q",
      "-A",
      "-t",
      "-v",
      "ON_ERROR_STOP=1",
      "-h",
      String(host),
      "-p",
      String(port),
      "-U",
      "postgres",
      "shop",
    ],
    { input: text, encoding: "utf8", ...account },
  );
}

/** A process that was started, and the wait until it can be used. */
interface Started {
  server: ChildProcess;
  ready: () => Promise<void>;
}

async function startPostgres(folder: string): Promise<Started> {
  const bin = postgresBin();
  const data = join(folder, "data");
  certificates(folder);
  mkdirSync(data, { mode: 0o700 });
  if (asRoot) for (const path of [folder, data]) chownSync(path, Number(account.uid), Number(account.gid));
  execFileSync(
    join(bin, "initdb"),
    [
      "-D",
      data,
      "-U",
      "postgres",
      "-E",
      "UTF8",
      "--locale=C",
      "--auth-local=trust",
      "--auth-host=scram-sha-256",
      "-N",
    ],
    { stdio: "pipe", ...account },
  );
  for (const [from, to] of [
    ["server.key", "server.key"],
    ["server.pem", "server.crt"],
  ] as const) {
    writeFileSync(join(data, to), readFileSync(join(folder, from)), { mode: 0o600 });
    if (asRoot) chownSync(join(data, to), Number(account.uid), Number(account.gid));
  }
  const port = String(await freePort());
  Object.assign(process.env, { MYCORR_E2E_SOCKET: folder, MYCORR_E2E_PG_PORT: port });
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", port, "-k", folder, "-h", "127.0.0.1", "-c", "ssl=on", "-c", "fsync=off"],
    { stdio: "ignore", ...account },
  );
  const ready = async () => {
    await until("PostgreSQL", () => {
      try {
        const where = ["-h", folder, "-p", port, "-U", "postgres", "shop"];
        execFileSync(join(bin, "createdb"), where, { stdio: "pipe", ...account });
        return true;
      } catch {
        return false;
      }
    });
    sql(SHOP);
  };
  return { server, ready };
}

/** `at`: the address of one that was here before, with its folder. */
async function startMycorr(
  folder: string,
  at?: string,
  settings: Record<string, string> = {},
): Promise<Started & { url: string }> {
  const binary = process.env.MYCORR_BIN ?? join(homedir(), ".cache/mycorr/target/debug/mycorr");
  const url = at ?? `http://127.0.0.1:${await freePort()}`;
  const server = spawn(binary, ["serve", "--listen", new URL(url).host], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      MYCORR_DATA_DIR: join(folder, "mycorr"),
      MYCORR_ALLOW_HOSTS: [process.env.MYCORR_E2E_PG_PORT, process.env.MYCORR_E2E_HOOK_PORT]
        .map((port) => `127.0.0.1:${port}`)
        .join(),
      RUST_LOG: process.env.RUST_LOG ?? "warn",
      ...settings,
    },
  });
  const ready = () =>
    until("mycorr serve", async () => {
      if (server.exitCode !== null) throw new Error(`mycorr serve ended with ${server.exitCode}`);
      return fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  return { server, ready, url };
}

/** A Mycorr of one's own, with nothing in it, that can be stopped and started again. */
export async function emptyMycorr(settings: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "mycorr-e2e-"));
  const first = await startMycorr(folder, undefined, settings);
  let { server, ready } = first;
  const { url } = first;
  await ready();
  return {
    url,
    kill: () => stop(server, "SIGKILL"),
    start: async () => {
      ({ server, ready } = await startMycorr(folder, url, settings));
      await ready();
    },
    end: async () => {
      await stop(server, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What `POST /connections` takes for a connection to the shop. */
export const shop = (name: string) => ({
  kind: "postgresql",
  name,
  host: "127.0.0.1",
  port: Number(process.env.MYCORR_E2E_PG_PORT),
  database: "shop",
  username: "mycorr_reader",
  password: PASSWORD,
  ca_certificate: process.env.MYCORR_E2E_CA,
});

/** A file with the source that the operator offers to whoever has none. */
export function sampleSource(): string {
  const file = join(mkdtempSync(join(tmpdir(), "mycorr-e2e-sample-")), "sample.json");
  writeFileSync(file, JSON.stringify(shop("Sample shop")));
  return file;
}

/** A real OpenID Connect provider, and Mycorr's settings for it. */
export async function startProvider() {
  const tests = join(import.meta.dirname, "../../../crates/server/tests/it");
  const scripts = join(import.meta.dirname, "../../../scripts");
  const python = execFileSync(join(scripts, "python"), ["oidc-provider-mock==0.3.4"], {
    encoding: "utf8",
  }).trim();
  const server = spawn(python, ["-W", "ignore", join(tests, "provider.py")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await new Promise<string>((resolve) =>
    server.stdout.once("data", (line) => resolve(String(line).trim())),
  );
  const issuer = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "mycorr-e2e-"));
  const config = join(folder, "oidc.toml");
  writeFileSync(
    config,
    `[[providers]]\nid = "corp"\nname = "Corp"\nissuer = "${issuer}"\nclient_id = "corp"\nclient_secret = "secret"\n`,
  );
  return {
    issuer,
    settings: { MYCORR_OIDC_CONFIG: config, MYCORR_ALLOW_HOSTS: `127.0.0.1:${port}` },
    end: async () => {
      await stop(server, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const stop = (server: ChildProcess, signal: NodeJS.Signals) =>
  new Promise<void>((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    server.once("exit", () => resolve());
    server.kill(signal);
  });

export default async function start() {
  const folder = mkdtempSync(join(tmpdir(), "mycorr-e2e-"));
  const servers: [ChildProcess, NodeJS.Signals][] = [];
  const end = async () => {
    for (const [server, signal] of servers.reverse()) await stop(server, signal);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const postgres = await startPostgres(folder);
    servers.push([postgres.server, "SIGINT"]);
    await postgres.ready();
    process.env.MYCORR_E2E_CA = readFileSync(join(folder, "ca.pem"), "utf8");
    const { fingerprint256 } = new X509Certificate(readFileSync(join(folder, "server.pem")));
    process.env.MYCORR_E2E_FINGERPRINT = fingerprint256;
    // Where a test receives webhooks.
    process.env.MYCORR_E2E_HOOK_PORT = String(await freePort());
    const mycorr = await startMycorr(folder);
    process.env.MYCORR_E2E_URL = mycorr.url;
    servers.push([mycorr.server, "SIGTERM"]);
    await mycorr.ready();
  } catch (error) {
    await end();
    throw error;
  }
  return end;
}
