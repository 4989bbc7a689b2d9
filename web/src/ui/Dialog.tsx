import { Modal } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  size?: "md" | "lg";
  children: ReactNode;
}

/** A dialog over the page. Nothing behind it scrolls as a whole, so the kit's scroll lock is not needed. */
export function Dialog({ opened, onClose, title, size = "md", children }: Props) {
  return (
    <Modal.Root opened={opened} onClose={onClose} size={size} lockScroll={false} centered>
      <Modal.Overlay />
      <Modal.Content>
        <div className="dialog-head">
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label="Close" />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

/** For a dialog that is not in the page while it is closed: the kit gives the focus back only to others. */
export function useReturnFocus() {
  useEffect(() => {
    const opener = document.activeElement;
    return () => {
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
    };
  }, []);
}
