// Characters that show nothing, or that turn what is around them, as marks. What is copied stays as it is.

/**
 * All that may need a mark: controls, format characters, what Unicode lets a font ignore, separators, spaces that
 * are not U+0020, blank symbols. One test with this decides for nearly every value that nothing is to be done.
 */
const SUSPECT =
  /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Zl}\p{Zp}\u2800\u{1D159}]|(?![ \u1680\u3000])\p{Zs}/u;

/** Format characters that have a glyph: signs that enclose the digits after them. */
const VISIBLE_FORMAT = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2\u{110BD}\u{110CD}]/u;

const PICTURE = String.raw`\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F)?`;
/** Dual-joining Arabic letters: a joiner after one of them changes its shape. */
const ARABIC =
  "[\\u0620\\u0626\\u0628\\u062A-\\u062E\\u0633-\\u063F\\u0641-\\u0647\\u0649\\u064A\\u066E\\u066F\\u0678-\\u0687\\u069A-\\u06BF\\u06C1\\u06C2\\u06CC\\u06CE\\u06D0\\u06D1\\u06FA-\\u06FC\\u06FF]";
/** Viramas: a joiner after one of them decides between a ligature and a half form. */
const VIRAMA = "[\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D4D\\u0DCA\\u1039\\u17D2]";

/** Where such a character does what its script wants of it, and is seen by what it does. These stay whole. */
const MEANT = [
  // Emoji: variation selectors, families, flags of regions, keycaps (UTS #51).
  `${PICTURE}(?:\\u200D${PICTURE})+`,
  `\\p{Extended_Pictographic}[\\uFE0E\\uFE0F]`,
  `\\u{1F3F4}[\\u{E0030}-\\u{E0039}\\u{E0061}-\\u{E007A}]{1,6}\\u{E007F}`,
  `[0-9#*]\\uFE0F\\u20E3`,
  // A variant of an ideograph.
  `\\p{Unified_Ideograph}[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]`,
  // Joiners in Arabic and Indic writing (RFC 5892, A.1 and A.2; one that shows nothing there has its mark).
  `${ARABIC}\\p{Mn}*\\u200C(?=\\p{Script=Arabic})`,
  `${VIRAMA}[\\u200C\\u200D](?=\\p{L})`,
].join("|");

/** A run of tag letters: a text that nobody sees. */
const TAGS = String.raw`[\u{E0020}-\u{E007F}]+`;

const PIECES = new RegExp(`(${MEANT})|(${TAGS})|\\r\\n|(${SUSPECT.source})\\3*`, "gu");

/** What a character is called, where it has a common abbreviation. */
const NAMES: Record<string, [short: string, long: string]> = {
  "\0": ["NUL", "null"],
  "\t": ["⇥", "tab"],
  "\n": ["↵", "line feed"],
  "\r": ["CR", "carriage return"],
  "\r\n": ["CR↵", "carriage return, line feed"],
  "\u001B": ["ESC", "escape"],
  "\u007F": ["DEL", "delete"],
  "\u0085": ["NEL", "next line"],
  "\u00A0": ["␣", "no-break space"],
  "\u00AD": ["SHY", "soft hyphen"],
  "\u034F": ["CGJ", "combining grapheme joiner"],
  "\u061C": ["ALM", "Arabic letter mark"],
  "\u200B": ["ZWSP", "zero-width space"],
  "\u200C": ["ZWNJ", "zero-width non-joiner"],
  "\u200D": ["ZWJ", "zero-width joiner"],
  "\u200E": ["LRM", "left-to-right mark"],
  "\u200F": ["RLM", "right-to-left mark"],
  "\u2028": ["LS", "line separator"],
  "\u2029": ["PS", "paragraph separator"],
  "\u202A": ["LRE", "left-to-right embedding"],
  "\u202B": ["RLE", "right-to-left embedding"],
  "\u202C": ["PDF", "pop directional formatting"],
  "\u202D": ["LRO", "left-to-right override"],
  "\u202E": ["RLO", "right-to-left override"],
  "\u2060": ["WJ", "word joiner"],
  "\u2066": ["LRI", "left-to-right isolate"],
  "\u2067": ["RLI", "right-to-left isolate"],
  "\u2068": ["FSI", "first strong isolate"],
  "\u2069": ["PDI", "pop directional isolate"],
  "\uFEFF": ["BOM", "byte order mark, or zero-width no-break space"],
};

const codePoint = (character: string) =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

function named(character: string): [short: string, long: string] {
  const known = NAMES[character];
  if (known) return known;
  const code = codePoint(character);
  if (/\p{Zs}/u.test(character)) return ["␣", "space"];
  if (/[\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/u.test(character)) return [code, "variation selector"];
  if (/\p{Cc}/u.test(character)) return [code, "control character"];
  return [code, "invisible character"];
}

export interface Piece {
  /** As it is in the value. */
  text: string;
  /** Stands in its place; left out where the text shows itself. */
  mark?: string;
  /** Code point and name, for a person. */
  name?: string;
}

/** Whether a text is to be shown as it is. */
export const isPlain = (text: string) => !SUSPECT.test(text);

/** Joined, the texts of the pieces are the text. `lines`: line feeds and tabs show themselves. */
export function pieces(text: string, lines = false): Piece[] {
  const found: Piece[] = [];
  let plain = "";
  let end = 0;
  const flush = () => {
    if (plain !== "") found.push({ text: plain });
    plain = "";
  };
  for (const match of text.matchAll(PIECES)) {
    const [whole, meant, tags, one] = match;
    plain += text.slice(end, match.index);
    end = match.index + whole.length;
    if (meant !== undefined || (one && VISIBLE_FORMAT.test(one)) || (lines && /^[\n\t]+$/.test(whole))) {
      plain += whole;
      continue;
    }
    if (lines && whole === "\r\n") {
      flush();
      found.push({ text: "\r", mark: "CR", name: "U+000D carriage return" });
      plain = "\n";
      continue;
    }
    flush();
    if (tags !== undefined) {
      const said = [...tags].map((tag) => String.fromCharCode((tag.codePointAt(0) ?? 0) - 0xe0000));
      const words = said.filter((letter) => letter >= " " && letter <= "~").join("");
      found.push({ text: tags, mark: `TAG ${words}`.trim(), name: `tag characters: “${words}”` });
      continue;
    }
    const character = one ?? whole;
    const [mark, name] = named(character);
    const times = whole.length / character.length;
    const code = [...character].map(codePoint).join(" ");
    found.push({
      text: whole,
      mark: times > 1 ? `${mark}×${times}` : mark,
      name: times > 1 ? `${times} times ${code} ${name}` : `${code} ${name}`,
    });
  }
  plain += text.slice(end);
  flush();
  return found;
}

/** The same as plain text, for where no markup can be: tooltips, labels, the browser's tab. */
export const spelled = (text: string) =>
  isPlain(text)
    ? text
    : pieces(text)
        .map((piece) => (piece.mark ? `⟨${piece.mark}⟩` : piece.text))
        .join("");
