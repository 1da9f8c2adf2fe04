import i18next, { type BackendModule, type ResourceKey } from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";

export const languages = ["en", "de"] as const;
export type Language = (typeof languages)[number];

const files = import.meta.glob<ResourceKey>("./{en,de}/*.json", { import: "default" });
const KEY = "trestle.language";

/** Each namespace is a file, which is loaded when a page first uses it. */
const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (language, namespace, done) => {
    textsOf(language, namespace).then(
      (texts) => done(null, texts),
      (error: unknown) => done(error as Error, null),
    );
  },
};

async function textsOf(language: string, namespace: string): Promise<ResourceKey> {
  const load = files[`./${language}/${namespace}.json`];
  if (!load) throw new Error(`no texts ${namespace} in ${language}`);
  return load();
}

let started: Promise<unknown> = Promise.resolve();
let startedIn: Language = "en";

/** Texts in the language that was chosen, or else in the first of the browser's that there is. */
export async function startTexts(chosen: string | null = localStorage.getItem(KEY)): Promise<typeof i18next> {
  startedIn = languageOf(chosen);
  started = i18next.use(backend).use(initReactI18next).init(options(startedIn));
  await started;
  document.documentElement.lang = language();
  return i18next;
}

/** Namespaces in the language of `startTexts`, before something is shown that uses them. */
export async function loadTexts(namespaces: readonly string[]): Promise<void> {
  // Their files come with those that everything is started with, and not behind them.
  if (!i18next.isInitialized) await Promise.all([started, ...namespaces.map((namespace) => textsOf(startedIn, namespace))]);
  await i18next.loadNamespaces(namespaces);
}

const others = new Map<Language, Promise<typeof i18next>>();

/** Texts for a part of somebody else's page, which may speak another language than the part beside it. */
export function textsIn(chosen: Language): Promise<typeof i18next> {
  let texts = others.get(chosen);
  if (!texts) {
    const instance = i18next.createInstance();
    texts = instance.use(backend).init(options(chosen)).then(() => instance);
    others.set(chosen, texts);
  }
  return texts;
}

/** The language that a tag is of, or else the first of the browser's that there is. */
export function languageOf(tag: string | null): Language {
  const wanted = [tag, ...navigator.languages].map((each) => each?.slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? "en";
}

function options(chosen: Language) {
  return {
    lng: chosen,
    supportedLngs: languages,
    fallbackLng: false,
    ns: ["common"],
    defaultNS: "common",
    // The words are asked for at once, not when the browser has nothing else to do.
    initAsync: false,
    interpolation: { escapeValue: false },
  } as const;
}

export async function chooseLanguage(chosen: Language): Promise<void> {
  localStorage.setItem(KEY, chosen);
  await i18next.changeLanguage(chosen);
  document.documentElement.lang = chosen;
}

/** What is spoken now, for `Accept-Language` and `Intl`. */
export function language(): Language {
  const spoken = i18next.resolvedLanguage;
  return isLanguage(spoken) ? spoken : "en";
}

/** For `Intl`, in components. With the browser's region where it speaks the same language. */
export function useLanguage(): string {
  const { i18n } = useTranslation("common");
  return localeOf(isLanguage(i18n.resolvedLanguage) ? i18n.resolvedLanguage : "en");
}

/** `en-GB` for who reads English in Britain. */
export function localeOf(spoken: Language): string {
  return navigator.languages.find((tag) => tag.startsWith(`${spoken}-`)) ?? spoken;
}

function isLanguage(tag: string | null | undefined): tag is Language {
  return languages.includes(tag as Language);
}
