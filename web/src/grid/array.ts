/** So long a text is taken apart at most. */
const MOST = 100_000;

export type ArrayItem = string | null | ArrayItem[];

/** The items of an array as PostgreSQL prints it (manual, "Array Input and Output Syntax"); null for what is none. */
export function parseArray(text: string): ArrayItem[] | null {
  // Bounds that do not begin at 1 stand in front: `[0:2]={…}`.
  const literal = text.replace(/^(?:\[-?\d+:-?\d+\])+=/, "");
  if (text.length > MOST || !literal.startsWith("{")) return null;
  const stack: ArrayItem[][] = [];
  let done: ArrayItem[] | null = null;
  let end = 0;
  for (const { 0: token, index } of literal.matchAll(/"(?:[^"\\]|\\.)*"|[{},]|(?:[^"{},\\]|\\.)+/gs)) {
    if (index !== end || done) return null;
    end = index + token.length;
    if (token === "{") stack.push([]);
    else if (token === "}") {
      const items = stack.pop();
      if (!items) return null;
      const outer = stack.at(-1);
      if (outer) outer.push(items);
      else done = items;
    } else if (token !== ",") {
      const quoted = token.startsWith('"');
      const bare = (quoted ? token.slice(1, -1) : token).replace(/\\(.)/gs, "$1");
      stack.at(-1)?.push(!quoted && bare === "NULL" ? null : bare);
    }
  }
  return end === literal.length ? done : null;
}
