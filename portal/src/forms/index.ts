export { answered } from "./answered";
export { Prose } from "./Prose";
export { SchemaForm, type SchemaFormProps } from "./SchemaForm";
export type { FormProblem } from "./validator";
