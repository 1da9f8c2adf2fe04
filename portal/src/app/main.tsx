import "@/ui/tokens.css";
import "@/ui/reset.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startTexts } from "@/i18n";
import { Skeleton } from "@/ui";
import { App } from "./App";
import { page } from "./page";
import { loadAhead } from "./Router";
import { startSession } from "./session/SessionProvider";
import { applyTheme, themeOf } from "./theme";

const embedded = page(() => import("@/pages/embed/EmbeddedApp"));

// A frame of somebody else's page looks and speaks as that one says; what the browser keeps for the portal is not asked.
const isEmbedded = /^\/embed(\/|$)/.test(window.location.pathname);
const wishes = new URLSearchParams(window.location.search);
applyTheme(isEmbedded ? themeOf(wishes.get("theme")) : undefined);
const texts = startTexts(isEmbedded ? wishes.get("language") : undefined);

// Code, words and the session are waited for together.
const code = isEmbedded ? embedded.loadAhead() : loadAhead(window.location.pathname, startSession());

const element = document.getElementById("root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);
await texts;
root.render(<Skeleton lines={6} />);
await code;
root.render(<StrictMode>{isEmbedded ? embedded.element : <App />}</StrictMode>);
