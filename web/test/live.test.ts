import { describe, expect, it } from "vitest";
import { live, readEvents } from "../src/api/live";

describe("events", () => {
  const chunked = (text: string, size: number) => {
    const bytes = new TextEncoder().encode(text);
    return new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
  };
  const read = async (text: string, size: number) => {
    const events = [];
    for await (const event of readEvents(chunked(text, size))) events.push(event);
    return events;
  };

  it("are the same however the bytes are cut", async () => {
    const text =
      ': hello\n\nevent: step\ndata: {"a": "ü€"}\n\nevent:two\r\ndata:1\r\ndata: 2\r\n\r\nid: 7\n\rdata\n\ndata: cut off';
    for (let size = 1; size <= text.length + 8; size += 1) {
      expect(await read(text, size), `${size} bytes`).toEqual([
        { event: "step", data: '{"a": "ü€"}' },
        { event: "two", data: "1\n2" },
        { event: "message", data: "" },
      ]);
    }
  });

  const call = (text: string, type = "text/event-stream") =>
    Promise.resolve({
      data: chunked(text, 5),
      response: new Response(null, { headers: { "content-type": type } }),
    });
  const step = (name: string) => `event: step\ndata: {"step":"${name}"}\n\n`;

  it("tell each step, then the end", async () => {
    const steps: string[] = [];
    const onStep = (one: { step: string }) => steps.push(one.step);
    const report = `${step("address")}: still there\n\n${step("connect")}event: report\ndata: {"ok":true}\n\n`;
    expect(await live(call(report), onStep)).toEqual({ ok: true });
    expect(steps).toEqual(["address", "connect"]);
    const problem = `${step("address")}event: problem\ndata: {"code":"host_not_found"}\n\n`;
    await expect(live(call(problem), onStep)).rejects.toEqual({ code: "host_not_found" });
  });

  it("that break off are a problem, and so is an answer that refuses", async () => {
    await expect(live(call(step("address")), () => undefined)).rejects.toMatchObject({ code: "unreachable" });
    const error = { code: "too_many_requests" };
    const refused = Promise.resolve({ error, response: new Response(null, { status: 429 }) });
    await expect(live(refused, () => undefined)).rejects.toBe(error);
    expect(await live(call('{"id":"1"}', "application/json"), () => undefined)).toEqual({ id: "1" });
  });
});
