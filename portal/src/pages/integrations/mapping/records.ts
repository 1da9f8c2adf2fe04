/** One record or a list of them, as they are written; or what is wrong with the text, in the parser's words. */
export function recordsOf(text: string): unknown[] | string {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as unknown[]) : [value];
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
