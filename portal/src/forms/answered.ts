import type { UserError } from "@/api";
import type { FormProblem } from "./validator";

/** Errors of an input, split into those of a form whose value has these properties, and the rest. */
export function answered(errors: readonly UserError[], properties: readonly string[]): { problems: FormProblem[]; others: UserError[] } {
  const isOurs = ({ field }: UserError) => field?.[0] !== undefined && properties.includes(field[0]);
  return {
    problems: errors.filter(isOurs).map(({ field, message }) => ({ path: field ?? [], message })),
    others: errors.filter((error) => !isOurs(error)),
  };
}
