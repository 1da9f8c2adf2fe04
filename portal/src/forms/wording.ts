const acronyms: Record<string, string> = {
  api: "API",
  css: "CSS",
  csv: "CSV",
  html: "HTML",
  http: "HTTP",
  json: "JSON",
  oauth2: "OAuth 2.0",
  sql: "SQL",
  ssl: "SSL",
  tls: "TLS",
  uri: "URI",
  url: "URL",
  xml: "XML",
};

/** `baseUrl`, `base_url` → `Base URL`, `timeoutMs` → `Timeout (ms)`: for schemas that give a property no title. */
export function wording(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[\s_-]+/)
    .filter((word) => word !== "")
    .map((word) => acronyms[word.toLowerCase()] ?? (/^[A-Z0-9]+$/.test(word) && name !== name.toUpperCase() ? word : word.toLowerCase()));
  const text = words.join(" ").replace(/ ms$/, " (ms)");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
