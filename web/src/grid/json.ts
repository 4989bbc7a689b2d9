/** So much is indented at most; more is read with other tools. */
const MOST = 1_000_000;

/**
 * JSON with line breaks and indents, all else letter by letter as it is: parsing and printing would round numbers
 * and drop a key that stands twice. null for what is no JSON or too much of it.
 */
export function indent(text: string): string | null {
  if (text.length > MOST) return null;
  const parts: string[] = [];
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.max(0, depth))}`;
  let end = 0;
  for (const { 0: token, index } of text.matchAll(
    /"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|[^\s"[\]{},:]+/gs,
  )) {
    if (text.slice(end, index).trim() !== "") return null;
    end = index + token.length;
    if (token === "{" || token === "[") {
      depth += 1;
      parts.push(token, line());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      parts.push(line(), token);
    } else if (token === ",") parts.push(token, line());
    else if (token === ":") parts.push(": ");
    else parts.push(/^[[{]/.test(token) ? token.replace(/\s/g, "") : token);
  }
  return depth === 0 && text.slice(end).trim() === "" ? parts.join("") : null;
}

export type JsonNode =
  | { kind: "value"; text: string }
  | { kind: "list"; open: "{" | "["; entries: { key: string | null; node: JsonNode }[] };

/** So deep, and so long, a value is shown as a tree. */
const MAX_DEPTH = 64;
const MAX_TREE = 100_000;

/** JSON as a tree whose leaves are the letters that stand there. null for what is no JSON, too deep or too long. */
export function jsonTree(text: string): JsonNode | null {
  if (text.length > MAX_TREE || indent(text) === null) return null;
  const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/gs)].map(([token]) => token);
  let at = 0;
  const node = (depth: number): JsonNode | null => {
    const token = tokens[at];
    at += 1;
    if (token === undefined || depth > MAX_DEPTH || /^[\]},:]$/.test(token)) return null;
    if (token !== "{" && token !== "[") return { kind: "value", text: token };
    const entries: { key: string | null; node: JsonNode }[] = [];
    const close = token === "{" ? "}" : "]";
    while (tokens[at] !== close) {
      const key = token === "{" ? (tokens[at] ?? null) : null;
      if (key !== null && tokens[at + 1] !== ":") return null;
      if (key !== null) at += 2;
      const inner = node(depth + 1);
      if (!inner) return null;
      entries.push({ key, node: inner });
      if (tokens[at] === ",") at += 1;
      else if (tokens[at] !== close) return null;
    }
    at += 1;
    return { kind: "list", open: token, entries };
  };
  const tree = node(0);
  return tree && at === tokens.length ? tree : null;
}
