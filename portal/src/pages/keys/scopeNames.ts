import type { TFunction } from "i18next";

/** Scopes in words, in one line. */
export function scopeNames(scopes: readonly string[], t: TFunction<"keys">): string {
  return scopes.map((scope) => t(`scope.${scope.replace(":", ".")}`, { defaultValue: scope })).join(", ");
}
