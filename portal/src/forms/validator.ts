import {
  createSchemaUtils,
  ErrorSchemaBuilder,
  type Experimental_DefaultFormStateBehavior,
  type RJSFValidationError,
  type SchemaUtilsType,
  type ValidationData,
  type ValidatorType,
} from "@rjsf/utils";
import { problemsIn, validatorOf, type SchemaProblem } from "./problems";
import { isSchema, type Schema } from "./schema";
import { tidy } from "./tidy";

/** What is wrong with a value of the form, in words. */
export interface FormProblem {
  path: string[];
  message: string;
}

/** Defaults are shown and not stored; only what tells options apart is filled in. */
export const formState: Experimental_DefaultFormStateBehavior = {
  emptyObjectFields: "populateRequiredDefaults",
  arrayMinItems: { populate: "never" },
  allOf: "skipDefaults",
};

/**
 * Checks without compiling: no `eval`, which the content security policy forbids. The whole form is checked by the schema that
 * it was made from; parts of the form, to tell which option some data is of, by themselves.
 */
export class SchemaValidator implements ValidatorType {
  readonly #schema: Schema;
  readonly #shaped: Schema;
  readonly #words: (problem: SchemaProblem) => string;
  readonly #first: unknown;
  readonly #parts = new WeakMap<object, Schema>();
  readonly utils: SchemaUtilsType;

  constructor(schema: Schema, shaped: Schema, words: (problem: SchemaProblem) => string, first: unknown) {
    this.#schema = schema;
    this.#shaped = shaped;
    this.#words = words;
    this.#first = first;
    this.utils = createSchemaUtils(this, shaped, formState);
  }

  /** What was entered as it is sent. */
  tidy(data: unknown): unknown {
    return tidy(this.utils, this.#shaped, data, this.#first);
  }

  problems(data: unknown): FormProblem[] {
    return problemsIn(this.#schema, this.tidy(data)).map((problem) => ({ path: problem.path, message: this.#words(problem) }));
  }

  validateFormData(formData: unknown): ValidationData<unknown> {
    const builder = new ErrorSchemaBuilder();
    const errors = this.problems(formData).map(({ path, message }): RJSFValidationError => {
      builder.addErrors(message, path);
      return { message, stack: message, property: `.${path.join(".")}`, params: { path } };
    });
    return { errors, errorSchema: builder.ErrorSchema };
  }

  isValid(schema: Schema, formData: unknown, rootSchema: Schema): boolean {
    if (formData === undefined) return false;
    try {
      return validatorOf(this.#part(schema, rootSchema)).validate(JSON.parse(JSON.stringify(formData))).valid;
    } catch {
      return false;
    }
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as the interface has it
  rawValidation<Result>(schema: Schema, formData: unknown): { errors: Result[] } {
    return { errors: problemsIn(schema, formData) as Result[] };
  }

  /** A part with the definitions that it may refer to. */
  #part(schema: Schema, root: Schema): Schema {
    if (!isSchema(schema) || (!root.$defs && !root.definitions)) return schema;
    let part = this.#parts.get(schema);
    if (!part) {
      part = { $defs: root.$defs, definitions: root.definitions, ...schema };
      this.#parts.set(schema, part);
    }
    return part;
  }
}
