import type { Plugin } from "vite";

/** What stands for the styles in `src/elements/styleSheet.ts`. */
const PLACE = "/* styles of the elements */";

const width = String.raw`\((?:(?:max|min)-width\s*:|width\s*[<>]=?)[^()]*\)`;

/** Of an element's tokens: they stand behind those that the page around sets anywhere above it. */
const OWN = "--trestle-own-";

/**
 * Makes styles of the portal styles of an element: a theme is an attribute, narrow is what the element is and not the window, and
 * variables of the page around count before those of `tokens.css`.
 */
export function inElements(css: string): string {
  return withOuterVariables(
    css
      .replace(/data-theme/g, "theme")
      .replace(new RegExp(String.raw`@media\s*(${width}(?:\s*and\s*${width})*)\s*\{`, "g"), "@container $1{")
      .replace(/--trestle-([\w-]+)(\s*:)/g, `${OWN}$1$2`),
  );
}

/** `var(--trestle-accent)` is what the page around says, or else the element's own. */
export function withOuterVariables(code: string): string {
  return code.replace(/var\(--trestle-(?!own-)([\w-]+)\)/g, `var(--trestle-$1,var(${OWN}$1))`);
}

/** Puts all styles into the script of the elements, which makes a style sheet of them in each shadow root. */
export function elementStyles(): Plugin {
  return {
    name: "trestle:element-styles",
    enforce: "post",
    transform: (code, id) => (/\/src\/.*\.tsx?$/.test(id) ? withOuterVariables(code) : undefined),
    generateBundle(_, bundle) {
      let css = "";
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type !== "asset" || !name.endsWith(".css")) continue;
        css += String(file.source);
        Reflect.deleteProperty(bundle, name);
      }
      const script = Object.values(bundle).find((file) => file.type === "chunk" && file.code.includes(PLACE));
      if (script?.type !== "chunk" || css === "") throw new Error("there is no place for the styles of the elements, or there are none");
      // What is between the quotes of the place is the text of a string.
      const text = JSON.stringify(inElements(css)).slice(1, -1);
      script.code = script.code.replace(PLACE, () => text.replace(/`/g, "\\`").replace(/\$\{/g, "\\${"));
    },
  };
}
