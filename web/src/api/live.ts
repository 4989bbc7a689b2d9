// A test of a connection, step by step: server-sent events that answer a POST or PATCH, which EventSource cannot make.
import { problem, type Step } from "./client";

export interface ServerEvent {
  event: string;
  data: string;
}

/** The events of a stream (WHATWG HTML, "Interpreting an event stream"); what has no data is no event. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let event = "message";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      // A CR that ends what has come may be the first half of CR LF.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        const [, name, rest = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (line === "") {
          if (data.length > 0) yield { event, data: data.join("\n") };
          event = "message";
          data = [];
        } else if (name === "event") event = rest;
        else if (name === "data") data.push(rest);
      }
    }
  } finally {
    // Whoever stops listening does not keep the connection.
    await reader.cancel().catch(() => undefined);
  }
}

/** What makes a call answer with its steps as they end: `live(api.POST(path, { body, ...LIVE }), onStep)`. */
export const LIVE = { headers: { Accept: "text/event-stream" }, parseAs: "stream" } as const;

interface Call {
  data?: ReadableStream<Uint8Array> | null;
  error?: unknown;
  response: Response;
}

/** Tells each step as it ends, and gives back what the call answers in the end, or throws its problem. */
export async function live<T>(call: Promise<Call>, onStep: (step: Step) => void): Promise<T> {
  const { data, error, response } = await call;
  if (error !== undefined) throw error;
  // Nothing had to be tested.
  if (!data || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
    return (await new Response(data).json()) as T;
  }
  for await (const { event, data: json } of unbroken(readEvents(data))) {
    const told = JSON.parse(json);
    if (event === "problem") throw told;
    if (event === "report" || event === "connection") return told as T;
    if (event === "step") onStep(told as Step);
  }
  throw BROKEN;
}

const BROKEN = problem(
  "unreachable",
  "The answer broke off",
  "The connection to Mycorr was lost in the middle of the test.",
  "See whether it was saved, then try again.",
);

async function* unbroken(events: AsyncGenerator<ServerEvent>) {
  try {
    yield* events;
  } catch {
    throw BROKEN;
  }
}
