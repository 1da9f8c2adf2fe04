import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const css = readFileSync("src/ui/tokens.css", "utf8");

/** The variables of the block that begins with `selector`. */
function block(selector: string): Record<string, string> {
  const from = css.indexOf(selector);
  const body = css.slice(css.indexOf("{", from), css.indexOf("}", from));
  return Object.fromEntries([...body.matchAll(/--trestle-([\w-]+):\s*([^;]+);/g)].map(([, name = "", value = ""]) => [name, value]));
}

const light = block(":root,\n:host {");
const darkBySystem = block(':root:not([data-theme="light"])');
const darkByChoice = block(':root[data-theme="dark"]');

function luminance(hex: string): number {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const [lighter = 0, darker = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (lighter + 0.05) / (darker + 0.05);
}

const grounds = ["bg", "surface", "sunken", "hover"];
const words = ["text", "muted", "accent", "danger", "success", "warning", "info"].flatMap((word) =>
  grounds.map((ground) => [word, ground] as const),
);
const soft = ["success", "warning", "danger", "info", "neutral"].flatMap((tone) => [
  [tone, `${tone}-soft`] as const,
  ["text", `${tone}-soft`] as const,
]);
const onFills = [
  ["on-accent", "accent-fill"],
  ["on-accent", "accent-fill-hover"],
  ["on-accent", "danger-fill"],
  ["on-accent", "danger-fill-hover"],
  ["accent", "accent-soft"],
  ["text", "accent-soft"],
] as const;
const shapes = ["border-strong", "focus", "accent-fill", "chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "chart-6"];

describe.each([
  ["light", light],
  ["dark", { ...light, ...darkBySystem }],
])("%s", (_name, tokens) => {
  test.each([...words, ...soft, ...onFills])("words: %s on %s has 4.5:1", (word, ground) => {
    expect(contrast(tokens[word] ?? "", tokens[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  test.each(shapes)("shapes: %s on the surface has 3:1", (shape) => {
    expect(contrast(tokens[shape] ?? "", tokens.surface ?? "")).toBeGreaterThanOrEqual(3);
  });
});

test("dark is the same by the system and by choice", () => {
  expect(darkByChoice).toEqual(darkBySystem);
});
