// The dependency rules of ARCHITECTURE.md, kept. The compiler keeps what a crate can name; this keeps what it may depend on.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const cargo = (...args) => execFileSync('cargo', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
let broken = 0;
let kept = 0;

function rule(sentence, offenders) {
  if (offenders.length === 0) return kept++;
  broken++;
  console.error(`${sentence}\n${offenders.map((offender) => `    ${offender}`).join('\n')}`);
}

// Which crates of the house each one may name, tests and all (testkit is for everybody's tests).
const house = {
  domain: [],
  vault: ['domain'],
  egress: [],
  delivery: ['domain', 'egress'],
  pgread: ['domain', 'egress'],
  oidc: ['domain', 'egress'],
  traces: ['domain'],
  meta: ['domain', 'traces'],
  tables: ['domain'],
  engine: ['domain', 'vault', 'egress', 'delivery', 'pgread', 'meta', 'oidc', 'traces'],
  server: ['domain', 'engine', 'traces'],
  sql: ['domain', 'tables', 'engine'],
  cli: ['domain', 'vault', 'egress', 'meta', 'tables', 'engine', 'server', 'sql', 'traces'],
  testkit: ['domain'],
};
const workspace = JSON.parse(cargo('metadata', '--locked', '--no-deps', '--format-version', '1')).packages;
const short = (name) => name.replace(/^mycorr-/, '');
rule('Every crate stands in the table of scripts/fences.mjs, and only they:', [
  ...workspace.map((crate) => short(crate.name)).filter((name) => !(name in house)),
  ...Object.keys(house).filter((name) => !workspace.some((crate) => short(crate.name) === name)),
]);
for (const { name, dependencies } of workspace) {
  const mine = dependencies.filter((dependency) => dependency.kind !== 'dev' && dependency.name.startsWith('mycorr-'));
  rule(`${short(name)} may not depend on:`, mine.map((dependency) => short(dependency.name)).filter((other) => !house[short(name)]?.includes(other)));
}

// What must not come in by any way, however deep.
const absent = {
  server: [/^datafusion/, /^deltalake/, /^parquet$/],
  engine: [/^datafusion/, /^deltalake/, /^parquet$/, /^axum/],
  meta: [/^aes-gcm$/, /^axum/, /^openssl$/],
  pgread: [/^sea-orm/, /^axum/, /^rustls$/],
  tables: [/^postgres-protocol$/, /^sea-orm/],
  domain: [/^tokio$/, /^axum/],
  traces: [/^opentelemetry_sdk$/, /^tokio$/],
};
for (const [crate, banned] of Object.entries(absent)) {
  const tree = cargo('tree', '--locked', '-p', `mycorr-${crate}`, '-e', 'normal', '--prefix', 'none', '-f', '{p}');
  const names = [...new Set(tree.split('\n').filter(Boolean).map((line) => line.split(' ')[0]))];
  rule(`${crate} may not pull in:`, names.filter((name) => banned.some((pattern) => pattern.test(name))));
}

// A feature that only some test asks for would have everything that stands on that crate compiled a second time,
// DataFusion too: in `cargo test --workspace`, every dependency has the features that it has in the binary.
const compiled = (...args) => cargo('tree', '--locked', ...args, '--prefix', 'none', '-f', '{p} [{f}]').replaceAll(' (*)', '').split('\n');
const forTests = new Set(compiled('--workspace', '-e', 'normal,build,dev'));
rule('Tests give other features to:', [...new Set(compiled('-p', 'mycorr-cli', '-e', 'normal,build'))].filter((line) => !forTests.has(line)));

// A dependency that nothing names costs every build and every review of the lock file.
const named = workspace.flatMap((crate) => crate.dependencies.map((dependency) => dependency.rename ?? dependency.name));
const listed = readFileSync('Cargo.toml', 'utf8').match(/^\[workspace\.dependencies\]\n([^]*?)^\[/m)[1].match(/^[\w-]+(?= *=)/gm);
rule('No crate depends on, although the workspace lists it:', listed.filter((name) => !named.includes(name)));
for (const { name, dependencies } of workspace) {
  const text = rust(`crates/${short(name)}`).map((source) => source.text).join('\n');
  const unused = dependencies.filter((dependency) => !new RegExp(`\\b${(dependency.rename ?? dependency.name).replaceAll('-', '_')}\\b`).test(text));
  rule(`${short(name)} depends on, but never names:`, unused.map((dependency) => dependency.name));
}

// clippy.toml bans opening sockets, resolving names and making a right to write; nobody but egress, the claim of a job,
// nodes among themselves (at addresses that they wrote into their own metadata) and tests may lift the ban.
const sources = workspace.flatMap((crate) => rust(`crates/${short(crate.name)}`));
rule(
  'Only egress and nodes among themselves open sockets, and only a claim gives the right to write; clippy::disallowed_methods is lifted in:',
  sources.filter(({ path, text }) => /disallowed_methods/.test(text) && !/^crates\/(egress\/src\/|meta\/src\/jobs\/right\.rs$|sql\/src\/nodes\/channels\.rs$|[^/]+\/(tests|examples)\/|testkit\/)/.test(path)).map(({ path }) => path),
);
rule(
  'No crate lifts the ban on unsafe code:',
  sources.filter(({ text }) => /allow\(unsafe_code/.test(text)).map(({ path }) => path),
);

// PostgreSQL's prepared statements that ask for every column fail in all nodes that run while a newer one adds a column.
rule(
  'Statements of meta name their columns:',
  sources.filter(({ path, text }) => /^crates\/meta\/src\//.test(path) && !/\/tests\.rs$/.test(path) && /\bAsterisk\b|(SELECT|RETURNING) \*/.test(text)).map(({ path }) => path),
);

// Four hundred lines are where a second purpose is looked for. These are to be split yet: none is to be added.
const MAX_LINES = 400;
const pages = ['web/src', 'web/test'].flatMap((folder) => texts(folder, /\.tsx?$/)).filter(({ path }) => path !== 'web/src/api/schema.d.ts');
const long = [...sources, ...pages].filter(({ text }) => text.split('\n').length - 1 > MAX_LINES).map(({ path }) => path);
rule(`No source file has more than ${MAX_LINES} lines:`, long);

// What a log line is searched by is written down: a field that has another name elsewhere is found by nobody.
const operating = readFileSync('docs/operating.md', 'utf8').match(/^\| field \| meaning \|\n([^]*?)\n\n/m)[1];
const fields = new Set([...operating.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map(([, field]) => field)));
const logged = sources.filter(({ path }) => /^crates\/[^/]+\/src\//.test(path)).flatMap(({ path, text }) =>
  [...text.matchAll(/tracing::(?:trace|debug|info|warn|error)(?:_span)?!\(/g)].flatMap(({ index, 0: begin }) =>
    macroFields(text.slice(index + begin.length)).map((field) => ({ path, field }))));
rule('docs/operating.md does not name the log fields:', [...new Set(logged.filter(({ field }) => !fields.has(field)).map(({ path, field }) => `${field} in ${path}`))]);

console.log(`${kept} passed, ${broken} failed`);
process.exit(broken ? 1 : 0);

function rust(folder) {
  return texts(folder, /\.rs$/);
}

function texts(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => ending.test(name))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(`${folder}/${name}`, 'utf8') }));
}

// The names before `=`, and those that are their own value, in the arguments of a macro.
function macroFields(text) {
  const parts = [''];
  for (let at = 0, depth = 1, quoted = false; at < text.length; at++) {
    const c = text[at];
    if (quoted && c === '\\') at++;
    else if (c === '"') quoted = !quoted;
    if (!quoted && '([{'.includes(c)) depth++;
    if (!quoted && ')]}'.includes(c) && --depth === 0) break;
    if (!quoted && depth === 1 && c === ',') parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.flatMap((part) => part.trim().match(/^[%?]?([a-z]\w*)(?=\s*=[^=]|$)/)?.[1] ?? []);
}
