import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeAll, vi } from "vitest";
import { startTexts } from "@/i18n";

// Machines that build are small and busy.
configure({ asyncUtilTimeout: 10_000 });

beforeAll(async () => {
  // jsdom lays nothing out.
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.IntersectionObserver = class {
    root = null;
    rootMargin = "";
    scrollMargin = "";
    thresholds = [];
    observe() {}
    unobserve() {}
    disconnect() {}
    takeRecords() {
      return [];
    }
  };
  // It has no `CSS` either, which dialogs ask for.
  vi.stubGlobal("CSS", { escape: (text: string) => text });
  await startTexts("en");
});

afterEach(cleanup);
