import { afterEach, describe, expect, it, vi } from "vitest";
import { heirOf } from "../src/shell/focus";

afterEach(() => {
  document.body.innerHTML = "";
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

describe("focus that lost its place", () => {
  const path = (element: Element | null) => {
    const found: HTMLElement[] = [];
    for (let node = element as HTMLElement | null; node; node = node.parentElement) found.push(node);
    return found;
  };

  it("goes to what is left nearest, and else to the page's head", () => {
    document.body.innerHTML =
      "<main id=content><div class=filters><button>Filter</button><span class=chip><button>x</button></span></div><section><button>only</button></section></main>";
    const chip = document.querySelector(".chip button");
    const lost = path(chip);
    document.querySelector(".chip")?.remove();
    expect(heirOf(lost)?.textContent).toBe("Filter");

    const only = document.querySelector("section button");
    const rest = path(only);
    document.querySelector("section")?.remove();
    expect(heirOf(rest)).toBeNull();
  });
});

describe("code that does not come", () => {
  it("is asked for again once the server answers", async () => {
    vi.resetModules();
    const answers = [false, true];
    vi.stubGlobal(
      "fetch",
      vi.fn(async () => {
        if (!answers.shift()) throw new Error("refused");
        return { ok: true };
      }),
    );
    const { code } = await import("../src/api/lost");
    let tries = 0;
    const load = async () => {
      tries += 1;
      if (tries === 1) throw new Error("Failed to fetch dynamically imported module");
      return "page";
    };
    await expect(code(load)).resolves.toBe("page");
    expect(tries).toBe(2);
  });

  it("is given up where a new page did not help", async () => {
    vi.stubGlobal("fetch", async () => ({ ok: true }));
    sessionStorage.setItem("mycorr.reloaded", `${window.location.pathname} ${Date.now()}`);
    const { code } = await import("../src/api/lost");
    await expect(code(() => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
  });
});
