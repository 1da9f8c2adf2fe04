/** The value of a metric without labels in Prometheus' text format; null where it is not told. */
export function gaugeOf(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

/** The sum over one label's values, each by its name. */
export function countsOf(text: string, name: string, label: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [, value = "", count = "0"] of text.matchAll(new RegExp(`^${name}\\{[^}]*\\b${label}="([^"]*)"[^}]*\\} (\\S+)`, "gm"))) {
    counts.set(value, (counts.get(value) ?? 0) + Number(count));
  }
  return counts;
}
