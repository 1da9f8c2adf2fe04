import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { compression, defineAlgorithm } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const server = process.env.TRESTLE_URL ?? "http://127.0.0.1:8080";

// The elements, which are built apart, are made of the same.
export const alias = { "@": path("./src") };
export const readable = [react(), { ...optimizeLocales.vite({ locales: ["en-US", "de-DE"] }), enforce: "pre" as const }];
export const packed = compression({
  include: /\.(js|css|html|svg|json)$/,
  threshold: 512,
  algorithms: [defineAlgorithm("gzip", { level: 9 }), defineAlgorithm("brotliCompress")],
});

// What a page does not use of `ui` stays out of what it loads. Elsewhere importing a module may define a fragment.
export const treeshake = {
  moduleSideEffects: [{ test: /\/src\/(ui|charts|i18n)\/[^.]+\.tsx?$/, sideEffects: false }],
};

const shell = "SignedIn|Waiting|ErrorBoundary|Crash|navigation|theme|session/|shell/(AccountMenu|Brand|Navigation|Notes|Shell|TenantSwitcher)\\.";
const small = "Badge|Card|Count|Duration|EmptyState|ErrorState|NotFound|Page|StatusBadge|Time|Toasts|format|part|status|toast|useAddress|useNow";

// What pages use together is one file: each is a request, of which a browser sends six at a time, and small ones pack badly.
export const codeSplitting = {
  groups: [
    { name: "icons", test: /\/lucide-react\//, priority: 4 },
    { name: "shared", minShareCount: 60, priority: 3 },
    { name: "frame", test: new RegExp(`/src/(app/(${shell})|ui/(${small})\\.|pages/inbox/useInboxCounts)`), priority: 2 },
    { name: "fields", test: /\/src\/ui\/(Form|FormBanner|TextField)\./, priority: 1 },
    { name: "tables", test: /\/src\/(ui\/(Table|TableRow|Checkbox)|charts\/(Chart|TimeSeries|ShowAsTable|series))\./, priority: 1 },
    { name: "lists", test: /\/src\/ui\/(Dialog|FilterBar|SearchField|Select|VirtualList)\./ },
  ],
};

export default defineConfig({
  resolve: { alias },
  plugins: [...readable, packed],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    manifest: true,
    // Nothing inline: the content security policy has no `unsafe-inline`.
    modulePreload: { polyfill: false },
    rolldownOptions: { treeshake, output: { codeSplitting } },
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
    // Machines that build are small and busy.
    testTimeout: 30_000,
    restoreMocks: true,
  },
});
