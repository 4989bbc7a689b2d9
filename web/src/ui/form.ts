import type { UseFormReturnType } from "@mantine/form";
import { type Problem, toProblem } from "../api/client";

/**
 * Puts the server's field errors at their fields.
 * Gives back the problem if it says more than the fields do, so that it is shown above the buttons.
 */
// biome-ignore lint/suspicious/noExplicitAny: forms of any shape
export function showProblem(form: UseFormReturnType<any>, error: unknown): Problem | null {
  const problem = toProblem(error);
  const known = Object.keys(form.getValues());
  const here = (problem.fields ?? []).filter(({ field }) => known.includes(field));
  form.setErrors(Object.fromEntries(here.map(({ field, message }) => [field, message])));
  const first = here[0]?.field;
  // The fields show their errors with the next render; only then can one be scrolled to.
  if (first) requestAnimationFrame(() => form.getInputNode(first)?.focus());
  const told = problem.code === "invalid" && here.length > 0 && here.length === problem.fields.length;
  return told ? null : problem;
}
