// Sums of what PostgreSQL printed, digit by digit: no number passes through a float on the way.
import type { Cell } from "../api/client";

/** `digits` × 10^-`scale` */
interface Decimal {
  digits: bigint;
  scale: number;
}

/** A longer number, or one with a larger exponent, is not summed: it would take the page's time. */
const MAX_DIGITS = 2_000;
/** Digits of a mean beyond those of the values. */
const MEAN_DIGITS = 6;

const power = (exponent: number) => 10n ** BigInt(exponent);

/** `-12.50`, `1e+20`, money as `-$1,234.50`; null for what is no finite number. */
export function parseDecimal(text: string): Decimal | null {
  if (text.length > MAX_DIGITS) return null;
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(text.replace(/[$,]/g, ""));
  if (!match) return null;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return null;
  const scale = fraction.length - Number(exponent);
  if (Math.abs(scale) > MAX_DIGITS) return null;
  const digits = BigInt(whole + fraction);
  return { digits: sign === "-" ? -digits : digits, scale };
}

/** Every digit, with thousands separators. */
export function printDecimal({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? "-" : "";
  const bare = (digits < 0n ? -digits : digits) * (scale < 0 ? power(-scale) : 1n);
  const text = bare.toString().padStart(Math.max(scale, 0) + 1, "0");
  const whole = (scale > 0 ? text.slice(0, -scale) : text).replace(/\B(?=(\d{3})+$)/g, ",");
  return sign + whole + (scale > 0 ? `.${text.slice(-scale)}` : "");
}

const rescale = ({ digits, scale }: Decimal, to: number) => digits * power(to - scale);

/** The mean; `exact` where no digit had to be left out. */
function meanOf(sum: Decimal, count: number): { text: string; exact: boolean } {
  const scale = Math.max(sum.scale, 0) + MEAN_DIGITS;
  const digits = rescale(sum, scale);
  const by = BigInt(count);
  const exact = digits % by === 0n;
  // Half away from zero, as PostgreSQL rounds numeric.
  const half = digits < 0n ? -by : by;
  let mean = { digits: exact ? digits / by : (2n * digits + half) / (2n * by), scale };
  while (mean.scale > Math.max(sum.scale, 0) && mean.digits % 10n === 0n)
    mean = { digits: mean.digits / 10n, scale: mean.scale - 1 };
  return { text: printDecimal(mean), exact };
}

export interface Summary {
  /** Cells that are not NULL, and those that are. */
  values: number;
  nulls: number;
  /** Of the columns that hold numbers; null where there are none, or one is not to be summed. */
  sum: string | null;
  mean: { text: string; exact: boolean } | null;
}

/** Of a selection: `numeric` says of each of its columns whether it holds numbers. */
export function summarise(numeric: readonly boolean[], rows: Iterable<readonly (Cell | null)[]>): Summary {
  let [values, nulls, numbers] = [0, 0, 0];
  const special = new Set<string>();
  let summable = true;
  // Most columns have one scale: those are added without being brought to another.
  const sums = new Map<number, bigint>();
  for (const row of rows) {
    row.forEach((cell, at) => {
      if (cell === null) {
        nulls += 1;
        return;
      }
      values += 1;
      if (!numeric[at]) return;
      numbers += 1;
      const text = typeof cell === "string" ? cell : "";
      const one = parseDecimal(text);
      if (one) sums.set(one.scale, (sums.get(one.scale) ?? 0n) + one.digits);
      else if (/^(NaN|-?Infinity)$/.test(text)) special.add(text);
      else summable = false;
    });
  }
  if (numbers === 0 || !summable) return { values, nulls, sum: null, mean: null };
  if (special.size > 0) {
    // As PostgreSQL adds them.
    const [only] = special;
    const text = special.size > 1 || only === undefined ? "NaN" : only;
    return { values, nulls, sum: text, mean: { text, exact: true } };
  }
  const scale = Math.max(...sums.keys());
  let digits = 0n;
  for (const [of, part] of sums) digits += rescale({ digits: part, scale: of }, scale);
  const sum = { digits, scale };
  return { values, nulls, sum: printDecimal(sum), mean: meanOf(sum, numbers) };
}
