import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const roots = fileURLToPath(new URL("../src/elements/roots.ts", import.meta.url));
const looks = /\bdocument\.getElementById\(/g;
/** Without this module no field has its description, and no dialog its name. */
const NEEDED = "/utils/useId.";

/**
 * react-aria asks the document which ids there are, which knows nothing of what is in shadow roots. In the elements it asks ours.
 */
export function shadowIds(): Plugin {
  let isNeededDone = false;
  return {
    name: "trestle:shadow-ids",
    transform(code, id) {
      if (!/\/node_modules\/react-(aria|stately|aria-components)\//.test(id) || !looks.test(code)) return undefined;
      isNeededDone ||= id.includes(NEEDED);
      return `import { elementById as trestleElementById } from ${JSON.stringify(roots)};\n${code.replace(looks, "trestleElementById(")}`;
    },
    buildEnd(error) {
      if (!error && !isNeededDone) throw new Error("react-aria no longer looks for ids where it did: see whether this is needed still");
    },
  };
}
