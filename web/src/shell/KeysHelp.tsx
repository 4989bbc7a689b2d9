import { Kbd } from "@mantine/core";
import { Dialog } from "../ui/Dialog";

const EVERYWHERE: [string, string][] = [
  ["Mod K", "Go to a page, Model, table or connection"],
  ["/", "Search or filter in this page"],
  ["?", "This list"],
  ["Esc", "Close what is on top"],
];

const GRID: [string, string][] = [
  ["← ↑ → ↓", "Move; with Shift select"],
  ["Page Up / Page Down", "A page up or down"],
  ["Home / End", "First or last column"],
  ["Mod Home / Mod End", "First or last row"],
  ["Mod A", "All columns of the selected rows"],
  ["Mod C / Mod Shift C", "Copy for a spreadsheet, without or with headers"],
  ["Mod F", "Find in all columns"],
  ["Mod G", "Go to a row; with Shift Enter select up to it"],
  ["Enter", "Open the cell"],
  ["Space", "The row as a record"],
  ["P", "The profile of the column: figures, and bars that filter"],
  ["N / Shift N", "Next or previous change, where versions are compared"],
  ["Shift F10", "Menu of the cell: only rows with this value, copy, open"],
  ["F or Alt ↓", "Menu of the column: sort, filter, pin, hide, move, width"],
  ["Tab", "Leave the grid"],
];

export function KeysHelp({
  opened,
  onClose,
  isMac,
}: {
  opened: boolean;
  onClose: () => void;
  isMac: boolean;
}) {
  const list = (keys: [string, string][]) => (
    <dl className="facts" style={{ alignItems: "center" }}>
      {keys.map(([key, does]) => [
        <dt key={key}>
          <Kbd>{key.replaceAll("Mod", isMac ? "⌘" : "Ctrl")}</Kbd>
        </dt>,
        <dd key={does}>{does}</dd>,
      ])}
    </dl>
  );
  return (
    <Dialog opened={opened} onClose={onClose} title="Keyboard" size="lg">
      <h3>Everywhere</h3>
      {list(EVERYWHERE)}
      <h3>In a grid</h3>
      {list(GRID)}
    </Dialog>
  );
}
