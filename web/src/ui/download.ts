/** A text that the page holds, as a file. */
export function downloadText(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  // The browser takes its own copy; not at once in every browser.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
