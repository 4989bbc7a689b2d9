import type { ReactNode } from "react";
import Icon from "../icon.svg";

/** The frame of the pages that are seen without being signed in. */
export function Entrance({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="sign-in">
      <title>{`${title} · Mycorr`}</title>
      <div className="sign-in-card stack">
        <img src={Icon} width={40} height={40} alt="" />
        {children}
      </div>
    </main>
  );
}
