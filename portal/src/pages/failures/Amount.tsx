import { useLanguage } from "@/i18n";

/** A decimal number as the server writes it, in whatever unit its field has; not rounded by way of a float. */
export function Amount({ value }: { value: string }) {
  const language = useLanguage();
  // `Intl` takes decimal texts as they are; its types have them as numbers.
  return <>{new Intl.NumberFormat(language, { maximumFractionDigits: 4 }).format(value as unknown as number)}</>;
}
