import { ActionIcon, TextInput } from "@mantine/core";
import { ChevronDown, ChevronUp, X } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { toProblem } from "../api/client";
import { count } from "../ui/format";
import { findCell, type Haystack } from "./find";
import type { Spot } from "./keys";

interface Props {
  haystack: () => Haystack;
  /** Where it begins. */
  from: () => Spot;
  onFound: (spot: Spot) => void;
  onClose: () => void;
}

/** Finds a text in any of the columns shown, from cell to cell. */
export function FindBar({ haystack, from, onFound, onClose }: Props) {
  const [text, setText] = useState("");
  const [told, setTold] = useState("");
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const find = async (backwards: boolean) => {
    if (text === "") return;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const { signal } = controller;
    const hay = haystack();
    try {
      const found = await findCell(hay, text, from(), backwards, signal, (rows) =>
        setTold(`Looked through ${count(rows)} of ${count(hay.total)} rows…`),
      );
      if (signal.aborted) return;
      setTold(found ? `Found in row ${count(found.row + 1)}.` : "No cell holds this.");
      if (found) onFound(found);
    } catch (error) {
      if (!signal.aborted) setTold(`${toProblem(error).title}.`);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void find(false);
  };
  return (
    <form
      className="row find"
      role="search"
      aria-label="Find in all columns"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        else if (event.key === "Enter" && event.shiftKey) {
          event.preventDefault();
          void find(true);
        }
      }}
    >
      <TextInput
        autoFocus
        size="xs"
        style={{ flex: 1, minWidth: 160, maxWidth: 320 }}
        aria-label="Find in all columns"
        placeholder="Find in all columns shown"
        autoComplete="off"
        value={text}
        onChange={(event) => {
          running.current?.abort();
          setText(event.currentTarget.value);
          setTold("");
        }}
      />
      <ActionIcon variant="default" size={30} aria-label="Find the previous" onClick={() => void find(true)}>
        <ChevronUp size={16} />
      </ActionIcon>
      <ActionIcon type="submit" variant="default" size={30} aria-label="Find the next">
        <ChevronDown size={16} />
      </ActionIcon>
      <ActionIcon variant="subtle" color="gray" size={30} aria-label="Close the search" onClick={onClose}>
        <X size={16} />
      </ActionIcon>
      <span className="dim small" role="status">
        {told}
      </span>
    </form>
  );
}
