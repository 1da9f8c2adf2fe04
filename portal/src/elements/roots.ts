/** Shadow roots that an element has something shown in. */
const roots = new Set<ShadowRoot>();

export function addRoot(root: ShadowRoot): () => void {
  roots.add(root);
  return () => roots.delete(root);
}

/** What has an id in the document, or in one of our roots. The build lets react-aria look so, which knows of documents alone. */
export function elementById(id: string): HTMLElement | null {
  const found = document.getElementById(id);
  if (found) return found;
  for (const root of roots) {
    const inside = root.getElementById(id);
    if (inside) return inside;
  }
  return null;
}
