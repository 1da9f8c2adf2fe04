import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { compression, defineAlgorithm } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const server = process.env.TRESTLE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  resolve: { alias: { "@": path("./src") } },
  plugins: [
    react(),
    { ...optimizeLocales.vite({ locales: ["en-US", "de-DE"] }), enforce: "pre" },
    compression({
      include: /\.(js|css|html|svg|json)$/,
      threshold: 512,
      algorithms: [defineAlgorithm("gzip", { level: 9 }), defineAlgorithm("brotliCompress")],
    }),
  ],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    // Nothing inline: the content security policy has no `unsafe-inline`.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { app: path("./index.html"), elements: path("./src/elements/index.ts") },
      // The elements are imported by pages of others, by a name that lasts.
      preserveEntrySignatures: "exports-only",
      // What a page does not use of `ui` stays out of what it loads. Elsewhere importing a module may define a fragment.
      treeshake: {
        moduleSideEffects: [{ test: /\/src\/(ui|charts|i18n)\/[^.]+\.tsx?$/, sideEffects: false }],
      },
      output: {
        entryFileNames: (chunk) => (chunk.name === "elements" ? "elements.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  experimental: {
    // Chunks of the elements are loaded from where the elements came, which is not the page that uses them.
    renderBuiltUrl: (filename, { hostType }) => (hostType === "js" ? { relative: true } : `/${filename}`),
  },
  server: {
    // Not `/connectors` and `/exports-list`, which are pages.
    proxy: { "^/(graphql|portal\\.json|connect|exports|files|readyz|metrics)(/|\\?|$)": { target: server } },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
    restoreMocks: true,
  },
});
