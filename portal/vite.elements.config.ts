import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { elementStyles } from "./scripts/elementStyles";
import { shadowIds } from "./scripts/shadowIds";
import { alias, packed, readable, treeshake } from "./vite.config";

// The web components are built apart from the portal: their styles go into shadow roots, and not into a page's head.
export default defineConfig({
  // Chunks are loaded from where the elements came, which is not the page that uses them.
  base: "./",
  resolve: { alias },
  plugins: [...readable, shadowIds(), elementStyles(), packed],
  build: {
    outDir: "dist",
    emptyOutDir: false,
    copyPublicDir: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      input: { elements: fileURLToPath(new URL("./src/elements/index.ts", import.meta.url)) },
      treeshake,
      preserveEntrySignatures: "exports-only",
      output: {
        // Pages of others name it.
        entryFileNames: "elements.js",
        chunkFileNames: "assets/elements-[name]-[hash].js",
        assetFileNames: "assets/elements-[name]-[hash][extname]",
      },
    },
  },
});
