/** What the compiler says of a program, and where. */
export interface MappingProblem {
  /** From 1; null where it is about the whole. */
  line: number | null;
  column: number | null;
  message: string;
}

/** Reads `line 2, column 11: …` out of the message of a `userErrors` entry. */
export function problemOf(message: string): MappingProblem {
  const found = /^line (\d+), column (\d+): ([\s\S]*)$/.exec(message);
  if (!found) return { line: null, column: null, message };
  const [, line, column, words = message] = found;
  return { line: Number(line), column: Number(column), message: words };
}
