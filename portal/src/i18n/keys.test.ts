import { expect, test } from "vitest";
import { languages } from "./index";

const texts = import.meta.glob<unknown>("./{en,de}/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>("../**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });
const namespaces = [...new Set(Object.keys(texts).map((path) => path.replace(/^.*\/|\.json$/g, "")))];

/** Keys of a file, without what plurals end in: languages have different ones. */
function keys(value: unknown, above = ""): string[] {
  if (typeof value !== "object" || value === null) return [above.replace(/_(zero|one|two|few|many|other)$/, "")];
  return Object.entries(value).flatMap(([key, below]) => keys(below, above ? `${above}.${key}` : key));
}

const keysOf = (language: string, namespace: string) => new Set(keys(texts[`./${language}/${namespace}.json`]));

test.each(namespaces)("%s has the same keys in each language", (namespace) => {
  const [first, ...others] = languages.map((language) => [...keysOf(language, namespace)].sort());
  for (const other of others) expect(other).toEqual(first);
});

test("no text is empty", () => {
  const empty = Object.entries(texts).filter(([, text]) => JSON.stringify(text).includes('""'));
  expect(empty.map(([path]) => path)).toEqual([]);
});

test("each key that a component names is there", () => {
  const missing: string[] = [];
  for (const [path, source] of Object.entries(sources)) {
    const named = [...source.matchAll(/useTranslation\(\s*(\[[^\]]*\]|"[\w-]+")\s*\)/g)].map(([, list = ""]) =>
      [...list.matchAll(/"([\w-]+)"/g)].map(([, name = ""]) => name),
    );
    // A file that uses several namespaces apart from each other may take a key from each of them.
    const known = new Set(named.flat().flatMap((namespace) => [...keysOf("en", namespace)]));
    if (known.size === 0) continue;
    for (const text of Array.from(source.matchAll(/\bt\(\s*"([^"]+)"/g), ([, key = ""]) => key)) {
      const [, namespace, key = text] = /^([\w-]+):(.+)$/.exec(text) ?? [];
      const isThere = namespace ? keysOf("en", namespace).has(key) : known.has(key);
      if (!isThere) missing.push(`${path}: ${text}`);
    }
  }
  expect(missing).toEqual([]);
});
