/** The address of a notice: the list stays behind it. */
export function noticeTarget(search: string, id: string): string {
  const parameters = new URLSearchParams(search);
  parameters.set("notice", id);
  return `?${parameters.toString()}`;
}
