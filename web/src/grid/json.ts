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
