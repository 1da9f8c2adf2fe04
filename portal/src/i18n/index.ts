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
    const load = files[`./${language}/${namespace}.json`];
    if (!load) {
      done(new Error(`no texts ${namespace} in ${language}`), null);
      return;
    }
    load().then(
      (texts) => done(null, texts),
      (error: unknown) => done(error as Error, null),
    );
  },
};

/** Texts in the language that was chosen, or else in the first of the browser's that there is. */
export async function startTexts(chosen: string | null = localStorage.getItem(KEY)): Promise<typeof i18next> {
  const wanted = [chosen, ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  await i18next
    .use(backend)
    .use(initReactI18next)
    .init({
      lng: wanted.find(isLanguage) ?? "en",
      supportedLngs: languages,
      fallbackLng: false,
      ns: ["common"],
      defaultNS: "common",
      interpolation: { escapeValue: false },
    });
  document.documentElement.lang = language();
  return i18next;
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
  useTranslation("common");
  return locale();
}

/** `en-GB` for who reads English in Britain. */
export function locale(): string {
  const spoken = language();
  return navigator.languages.find((tag) => tag.startsWith(`${spoken}-`)) ?? spoken;
}

function isLanguage(tag: string | null | undefined): tag is Language {
  return languages.includes(tag as Language);
}
