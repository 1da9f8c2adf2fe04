export interface FieldErrorOf {
  path: string;
  rule: string;
  message: string;
}

export interface RecordRow {
  /** JSON Pointer. */
  path: string;
  name: string;
  depth: number;
  /** Of a list or an object: how many are in it. */
  kind: "value" | "list" | "object" | "missing";
  text: string;
  errors: readonly FieldErrorOf[];
}

const ROWS_MAX = 500;

/** A record line by line, as a table shows it, with what is wrong beside each field. Fields that are missing are lines, too. */
export function recordRows(record: unknown, errors: readonly FieldErrorOf[]): { rows: RecordRow[]; isCut: boolean } {
  const rows: RecordRow[] = [];
  const of = (path: string) => errors.filter((error) => error.path === path);
  const add = (value: unknown, path: string, name: string, depth: number) => {
    if (rows.length >= ROWS_MAX) return;
    const isList = Array.isArray(value);
    if (isList || isObject(value)) {
      const entries = Object.entries(value as object);
      if (path !== "") rows.push({ path, name, depth, kind: isList ? "list" : "object", text: String(entries.length), errors: of(path) });
      const below = path === "" ? depth : depth + 1;
      for (const [key, each] of entries) add(each, `${path}/${escaped(key)}`, isList ? `${Number(key) + 1}.` : key, below);
      for (const error of errors) {
        const key = childOf(path, error.path);
        if (key !== null && !Object.hasOwn(value as object, key) && !rows.some((row) => row.path === error.path)) {
          rows.push({ path: error.path, name: key, depth: below, kind: "missing", text: "", errors: of(error.path) });
        }
      }
    } else {
      rows.push({ path, name, depth, kind: "value", text: typeof value === "string" ? value : JSON.stringify(value), errors: of(path) });
    }
  };
  add(record, "", "", 0);
  return { rows, isCut: rows.length >= ROWS_MAX };
}

/** Errors that no line of the record shows: of the record as a whole, or of what a mapping makes of it. */
export function errorsElsewhere(rows: readonly RecordRow[], errors: readonly FieldErrorOf[]): FieldErrorOf[] {
  const shown = new Set(rows.map(({ path }) => path));
  return errors.filter(({ path }) => !shown.has(path));
}

/** `/lines/0/amount` as its parts. */
export function pointerParts(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function childOf(parent: string, path: string): string | null {
  const parts = pointerParts(path);
  const above = pointerParts(parent);
  return parts.length === above.length + 1 && above.every((part, at) => part === parts[at]) ? (parts.at(-1) ?? null) : null;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
