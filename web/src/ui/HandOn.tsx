import { Code } from "./Copy";
import { dateTime } from "./format";
import { Notice } from "./Notice";

interface Props {
  title: string;
  url: string;
  expiresAt: string;
  /** What it is good for, and who is to get it. */
  children: string;
}

/** A link that is shown once, to be handed on. */
export function HandOn({ title, url, expiresAt, children }: Props) {
  return (
    <Notice tone="success" title={title}>
      <p>{children}</p>
      <Code text={url} label="link" />
      <p className="dim small">Shown this once. Good once, until {dateTime(expiresAt)}.</p>
    </Notice>
  );
}
