import { StreamLanguage, type StringStream } from "@codemirror/language";

interface State {
  /** Within a text over several lines. */
  isText: boolean;
}

const keywords = new Set(["if", "else", "abort", "return", "for", "while", "loop", "let", "type", "use"]);
const atoms = new Set(["true", "false", "null"]);

/** The Vector Remap Language, as far as colours need it. */
export const vrl = StreamLanguage.define<State>({
  name: "vrl",
  startState: () => ({ isText: false }),
  token: (stream, state) => {
    if (state.isText) return text(stream, state);
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^[rst]'(?:[^'\\]|\\.)*'/)) return "string.special";
    if (stream.eat('"')) return text(stream, state);
    if (stream.match(/^\d[\d_]*(?:\.\d+)?/)) return "number";
    if (stream.match(/^%?\.(?:[A-Za-z_@][\w@]*|"[^"]*")?/)) return "propertyName";
    const word = stream.match(/^[A-Za-z_]\w*/) as RegExpMatchArray | null;
    if (word) {
      if (keywords.has(word[0])) return "keyword";
      if (atoms.has(word[0])) return "atom";
      return stream.match(/^!?\(/, false) ? "variableName.function" : "variableName";
    }
    if (stream.match(/^(?:\?\?=?|\|=|\|\||&&|[=!<>]=|->|[-+*/%=<>!|])/)) return "operator";
    stream.next();
    return "punctuation";
  },
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
});

function text(stream: StringStream, state: State): string {
  state.isText = true;
  for (let next = stream.next(); next != null; next = stream.next()) {
    if (next === "\\") stream.next();
    else if (next === '"') {
      state.isText = false;
      break;
    }
  }
  return "string";
}
