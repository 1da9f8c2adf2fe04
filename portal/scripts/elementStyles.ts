import type { Plugin } from "vite";

/** What stands for the styles in `src/elements/styleSheet.ts`. */
const PLACE = "/* styles of the elements */";

const width = String.raw`\((?:(?:max|min)-width\s*:|width\s*[<>]=?)[^()]*\)`;
const token = /--trestle-([\w-]+)(\s*:)/g;

/**
 * Makes styles of the portal styles of an element: a theme is an attribute, narrow is what the element is and not the window, and
 * variables of the page around count before those of `tokens.css`.
 */
export function inElements(css: string): string {
  const names = [...new Set(Array.from(css.matchAll(token), ([, name = ""]) => name))];
  // A variable can't stand for itself, so what is around comes in by another name.
  const outer = names.map((name) => `--trestle-outer-${name}:var(--trestle-${name})`).join(";");
  const inner = names.map((name) => `--trestle-${name}:var(--trestle-outer-${name},var(--trestle-own-${name}))`).join(";");
  const own = css
    .replace(/data-theme/g, "theme")
    .replace(new RegExp(String.raw`@media\s*(${width}(?:\s*and\s*${width})*)\s*\{`, "g"), "@container $1{")
    .replace(token, "--trestle-own-$1$2");
  return names.length === 0 ? own : `:host{${outer}}.frame,.overlays{${inner}}${own}`;
}

/** Puts all styles into the script of the elements, which makes a style sheet of them for shadow roots. */
export function elementStyles(): Plugin {
  return {
    name: "trestle:element-styles",
    enforce: "post",
    generateBundle(_, bundle) {
      let css = "";
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type !== "asset" || !name.endsWith(".css")) continue;
        css += String(file.source);
        Reflect.deleteProperty(bundle, name);
      }
      const script = Object.values(bundle).find((file) => file.type === "chunk" && file.code.includes(PLACE));
      if (script?.type !== "chunk" || css === "") throw new Error("there is no place for the styles of the elements, or there are none");
      // The place is in a string, whose quotes may be any of three.
      const text = JSON.stringify(inElements(css)).slice(1, -1).replace(/`/g, "\\`").replace(/\$\{/g, "\\${").replace(/'/g, "\\'");
      script.code = script.code.replace(PLACE, () => text);
    },
  };
}
