import { Menu } from "@mantine/core";
import { ArrowUpRight, Copy, Ellipsis, Expand, ListFilter, PanelRight } from "lucide-react";

interface Props {
  /** Where it opens, px in the window. */
  x: number;
  y: number;
  onOpen?: () => void;
  onRecord?: () => void;
  /** Only the rows with this value, or all but those. */
  onFilter?: (not: boolean) => void;
  /** To the row that the cell refers to. */
  ways?: { label: string; go: () => void }[];
  onCopy: (headers: boolean) => void;
  onClose: () => void;
}

const ICON = 16;

/** What can be done with a cell, at the pointer or at the cell itself. */
export default function CellMenu({ x, y, onOpen, onRecord, onFilter, ways, onCopy, onClose }: Props) {
  return (
    <Menu
      opened
      onClose={onClose}
      position="bottom-start"
      returnFocus={false}
      clickOutsideEvents={["mousedown", "touchstart"]}
    >
      <Menu.Target>
        <button
          type="button"
          className="grid-point"
          aria-label="Cell"
          tabIndex={-1}
          style={{ left: x, top: y }}
        />
      </Menu.Target>
      <Menu.Dropdown aria-label="Cell">
        {onOpen && (
          <Menu.Item leftSection={<Expand size={ICON} />} onClick={onOpen}>
            Open cell
          </Menu.Item>
        )}
        {onRecord && (
          <Menu.Item leftSection={<PanelRight size={ICON} />} onClick={onRecord}>
            Show record
          </Menu.Item>
        )}
        {ways?.map((way) => (
          <Menu.Item key={way.label} leftSection={<ArrowUpRight size={ICON} />} onClick={way.go}>
            {way.label}
          </Menu.Item>
        ))}
        {onFilter && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<ListFilter size={ICON} />} onClick={() => onFilter(false)}>
              Only rows with this value
            </Menu.Item>
            <Menu.Item leftSection={<Ellipsis size={ICON} />} onClick={() => onFilter(true)}>
              Only rows with another value
            </Menu.Item>
          </>
        )}
        <Menu.Divider />
        <Menu.Item leftSection={<Copy size={ICON} />} onClick={() => onCopy(false)}>
          Copy
        </Menu.Item>
        <Menu.Item leftSection={<span />} onClick={() => onCopy(true)}>
          Copy with headers
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
