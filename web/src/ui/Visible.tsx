import type { ReactNode } from "react";
import { isPlain, type Piece, pieces } from "./invisible";

/** Where one line must do, more marks than these say nothing more. */
const MOST = 40;

/** A text with its invisible characters as marks. `lines`: line feeds and tabs show themselves. */
export function visible(text: string, lines = false): ReactNode {
  if (isPlain(text)) return text;
  const found = pieces(text, lines);
  const most = lines ? found.length : 2 * MOST;
  return (
    <>
      {found.slice(0, most).map((piece, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never move
        <Part key={at} piece={piece} />
      ))}
      {found.length > most && "…"}
    </>
  );
}

/** The mark is the style's: what is selected by hand and copied is the character itself. */
function Part({ piece: { text, mark, name } }: { piece: Piece }): ReactNode {
  if (mark === undefined) return text;
  return (
    <span className="invisible" data-mark={mark} title={name}>
      <span>{text}</span>
    </span>
  );
}

/** A name among other words: whatever it holds turns nothing around it. */
export const Name = ({ text }: { text: string }) => <bdi>{visible(text)}</bdi>;
