// Numbers, sizes and times as people read them.

const number = new Intl.NumberFormat("en-US");
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** `1,234,567` */
export const count = (n: number) => number.format(n);

/** `1 row`, `2 rows` */
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** `~1,234,567`, or nothing known. */
export const estimate = (n: number | null | undefined) =>
  n === null || n === undefined || n < 0 ? "unknown" : `~${count(n)}`;

/** `1.5 MB`, in powers of 1,000. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = n;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** `12 %`; what is not nothing is never 0 %, and what is not all never 100 %. */
export function percent(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  if (part === whole) return "100 %";
  const share = (100 * part) / whole;
  if (share < 0.1) return "<0.1 %";
  if (share > 99.9) return ">99.9 %";
  return `${share < 10 || share >= 99.5 ? share.toFixed(1) : Math.round(share)} %`;
}

/** `~100,000`: two digits of what is known within some per cent. */
export const roughly = (n: number) => `~${count(Number(n.toPrecision(2)))}`;

/** `40 s`, `3 min`, `2 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `320 ms`, `1.4 s` */
export const milliseconds = (ms: number) =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** `AB:CD:…`, as openssl prints it, whatever way it came. */
export const fingerprint = (hex: string) =>
  hex
    .replace(/[^0-9a-f]/gi, "")
    .toUpperCase()
    .match(/../g)
    ?.join(":") ?? hex;

export const dateTime = (iso: string) => absolute.format(new Date(iso));

/** `2026-01-10 12:00:00` in UTC, for what is compared with another tool's print. */
export const utc = (iso: string) => new Date(iso).toISOString().slice(0, 19).replace("T", " ");

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** `3 minutes ago`, `yesterday`, `in 2 months`; within a minute `just now`. */
export function ago(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  // In the largest unit of which there are two, rounded: 90 days are 3 months, and 40 days are no month.
  for (const [unit, size] of STEPS) {
    const units = Math.round(seconds / size);
    if (Math.abs(seconds) >= size && (Math.abs(units) >= 2 || unit !== "month"))
      return relative.format(units, unit);
  }
  return "just now";
}

/** `3 min`, `2 h`, `5 d`: where there is no room for more. */
export function age(iso: string, now: number): string {
  const minutes = Math.max(0, (now - Date.parse(iso)) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${Math.floor(minutes)} min`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h` : `${count(Math.floor(minutes / 1440))} d`;
}

/** Text and the SQL statements in it, apart, so that SQL can be shown as code and copied. */
export function splitSql(text: string): { sql: boolean; text: string }[] {
  const statement =
    /\b(?:GRANT|REVOKE|ALTER|CREATE|DROP|SELECT|SET)\s(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^;"'])*;/g;
  const parts: { sql: boolean; text: string }[] = [];
  let end = 0;
  for (const match of text.matchAll(statement)) {
    const before = text.slice(end, match.index).trim();
    if (before) parts.push({ sql: false, text: before });
    const last = parts.at(-1);
    if (last?.sql) last.text += `\n${match[0]}`;
    else parts.push({ sql: true, text: match[0] });
    end = match.index + match[0].length;
  }
  const rest = text.slice(end).trim();
  if (rest) parts.push({ sql: false, text: rest });
  return parts;
}
