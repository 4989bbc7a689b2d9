import { useState } from "react";
import { type Problem, toProblem } from "../api/client";

/** Something that a press does: whether it is under way, and why it failed. */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** False when it failed. */
  const run = async (act: () => Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
      return true;
    } catch (error) {
      setProblem(toProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  const field = (name: string) => problem?.fields?.find((one) => one.field === name)?.message;
  return { busy, problem, run, field, clear: () => setProblem(null) };
}
