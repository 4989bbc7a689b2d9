import { describe, expect, it } from "vitest";
import { isPlain, pieces, spelled } from "../src/ui/invisible";

const marks = (text: string) => pieces(text).flatMap(({ mark }) => mark ?? []);

describe("invisible characters", () => {
  it("are marked wherever Unicode says that they show nothing", () => {
    const invisible =
      /[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/u;
    const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;
    const wrong: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      const text = `a${character}b`;
      const hidden = invisible.test(character);
      if (!hidden && !visible.test(character)) continue;
      // Symbols without ink: the empty Braille pattern, the musical null notehead.
      const marked = hidden || code === 0x2800 || code === 0x1d159;
      const found = pieces(text);
      const kept = found.map((piece) => piece.text).join("") === text;
      const right = isPlain(text) !== marked && found.filter(({ mark }) => mark).length === (marked ? 1 : 0);
      if (!kept || !right) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  it("are told apart by their marks", () => {
    expect(marks("abc\u202Edef\u202C")).toEqual(["RLO", "PDF"]);
    expect(marks("\u2066a\u2067b\u2068c\u2069")).toEqual(["LRI", "RLI", "FSI", "PDI"]);
    expect(marks("\u200Bzero")).toEqual(["ZWSP"]);
    expect(marks("ze\u00ADro")).toEqual(["SHY"]);
    expect(marks("zero\uFEFF")).toEqual(["BOM"]);
    expect(marks("two\u2028lines\u2029")).toEqual(["LS", "PS"]);
    expect(marks("a\u200Db\u200Cc")).toEqual(["ZWJ", "ZWNJ"]);
    expect(marks("bell\u0007")).toEqual(["U+0007"]);
    expect(marks("10\u00A0000\u2003")).toEqual(["␣", "␣"]);
    expect(marks("blank\u3164\u2800")).toEqual(["U+3164", "U+2800"]);
    expect(pieces("\u202Ex")[0]?.name).toBe("U+202E right-to-left override");
  });

  it("of one kind in a row have one mark, and hidden letters are read out", () => {
    expect(marks("a\u200B\u200B\u200Bb\u200B")).toEqual(["ZWSP×3", "ZWSP"]);
    const hidden = [..."ship to me"].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0)));
    expect(marks(`hello${hidden.join("")}`)).toEqual(["TAG ship to me"]);
  });

  it("leave whole what they make visible", () => {
    for (const whole of [
      "👨‍👩‍👧‍👦",
      "🏳️‍🌈",
      "👩🏽‍🚀",
      "❤️",
      "☎︎",
      "1️⃣",
      "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
      "葛\u{E0100}",
      "می\u200Cخواهم",
      "ක්\u200Dෂ",
      "क्\u200Dष",
      "日本\u3000語",
    ])
      expect(pieces(whole), whole).toEqual([{ text: whole }]);
  });

  it("have their mark where they make nothing visible", () => {
    expect(marks("a\uFE0Fb")).toEqual(["U+FE0F"]);
    expect(marks("👩\u200D")).toEqual(["ZWJ"]);
    expect(marks("x\u200D👩")).toEqual(["ZWJ"]);
    expect(marks("1\uFE0F")).toEqual(["U+FE0F"]);
    expect(marks("دا\u200Cم")).toEqual(["ZWNJ"]);
    expect(marks("🏴\u{E0067}")).toEqual(["TAG g"]);
    expect(marks("a\u{E0100}")).toEqual(["U+E0100"]);
  });

  it("line feeds and tabs show themselves in a text of many lines, a carriage return does not", () => {
    expect(marks("a\nb\tc\r\nd\re")).toEqual(["↵", "⇥", "CR↵", "CR"]);
    expect(pieces("a\nb\t\r\nc", true)).toEqual([
      { text: "a\nb\t" },
      { text: "\r", mark: "CR", name: "U+000D carriage return" },
      { text: "\nc" },
    ]);
  });

  it("are spelled out where no markup can be", () => {
    expect(spelled("abc\u202Edef")).toBe("abc⟨RLO⟩def");
    expect(spelled("plain")).toBe("plain");
  });
});
