/** The build puts all styles of the elements here. */
const text = "/* styles of the elements */";

let sheet: CSSStyleSheet | undefined;

/** One for all elements of the page. A sheet that a script makes is allowed by any policy; a style element is not. */
export function styleSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
  }
  return sheet;
}
