/** The id that a field of the form has around it. */
export function fieldIdOf(prefix: string, path: readonly string[]): string {
  return [prefix, ...path].join("_");
}

/** Goes to a field, or the innermost part around it that is shown. */
export function focusField(id: string) {
  for (let each = id; each !== ""; each = each.slice(0, Math.max(0, each.lastIndexOf("_")))) {
    const input = document.getElementById(`${each}__field`)?.querySelector<HTMLElement>("input:not([type=hidden]), textarea, button, select");
    if (input) {
      input.focus();
      return;
    }
  }
}
