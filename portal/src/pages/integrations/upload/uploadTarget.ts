/** Where a stream of a file system reads: a path, or a pattern of several. */
export interface FileStream {
  name: string;
  path: string;
}

/** The path that a dropped file gets: the stream's own where it is one file, else its name in the directory of the pattern. */
export function targetOf({ path }: FileStream, fileName: string): string {
  if (!isPattern(path)) return path;
  const fixed = path.split("/").slice(0, -1);
  const at = fixed.findIndex(isPattern);
  return [...(at < 0 ? fixed : fixed.slice(0, at)), fileName].join("/");
}

export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}
