// Not the package itself: that loads a validator that compiles, for its own tests.
import type RjsfForm from "@rjsf/core";
import withTheme from "@rjsf/core/lib/withTheme.js";
import { englishStringTranslator, ErrorSchemaBuilder, TranslatableString } from "@rjsf/utils";
import { useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, FormActions } from "@/ui";
import { ErrorSummary } from "./ErrorSummary";
import { fieldIdOf } from "./focusField";
import styles from "./Forms.module.css";
import { isSchema, propertiesOf, type Schema } from "./schema";
import type { SchemaFormProps } from "./SchemaForm";
import { shape } from "./shape";
import { theme } from "./theme";
import { formState, SchemaValidator, type FormProblem } from "./validator";
import { wording } from "./wording";
import { words } from "./words";

const ThemedForm = withTheme(theme);
const none: readonly FormProblem[] = [];
/** What is wrong stands above the form; it need not be in the console. */
const noted = () => undefined;
/** In place of its own button. */
const noButton = <></>;

/** The form itself; `SchemaForm` loads it. */
export default function JsonSchemaForm({
  schema: given,
  uiSchema,
  value,
  onChange,
  onSubmit,
  errors = none,
  submitLabel,
  isBusy = false,
  isDisabled = false,
  secretPaths,
  actions,
}: SchemaFormProps) {
  const { t } = useTranslation(["forms", "common"]);
  const form = useRef<RjsfForm>(null);
  const prefix = useId().replace(/_/g, "-");
  const schema = useMemo(() => (isSchema(given) ? given : {}), [given]);
  const secrets = secretPaths?.join("\n");
  const shaped = useMemo(() => shape(schema, secrets?.split("\n")), [schema, secrets]);
  const [first] = useState(value);
  const [data, setData] = useState(value);
  const validator = useMemo(() => new SchemaValidator(schema, shaped, (problem) => words(t, problem), first), [schema, shaped, t, first]);
  const [attempts, setAttempts] = useState(0);
  const [found, setFound] = useState<readonly FormProblem[]>(none);
  const answer = JSON.stringify(errors);
  const [changed, setChanged] = useState<{ since: string; ids: readonly string[] }>({ since: answer, ids: [] });

  // What the server found stands until its field is changed.
  const answered = useMemo(() => {
    const all = JSON.parse(answer) as FormProblem[];
    return changed.since === answer ? all.filter(({ path }) => !changed.ids.includes(fieldIdOf(prefix, path))) : all;
  }, [answer, changed, prefix]);
  const extraErrors = useMemo(() => {
    const builder = new ErrorSchemaBuilder();
    for (const { path, message } of answered) builder.addErrors(message, path);
    return builder.ErrorSchema;
  }, [answered]);
  const problems = [...found, ...answered];

  const check = () => {
    setAttempts(attempts + 1);
    setChanged({ since: answer, ids: [] });
    if (form.current?.validateForm()) {
      setFound(none);
      onSubmit?.(validator.tidy(data));
    } else {
      setFound(validator.problems(data));
    }
  };

  const fields = (
    <ThemedForm
      ref={form}
      className={styles.form ?? ""}
      schema={shaped}
      {...(uiSchema && { uiSchema })}
      validator={validator}
      formData={data}
      idPrefix={prefix}
      tagName="div"
      showErrorList={false}
      extraErrors={extraErrors}
      liveValidate={found.length > 0 ? "onChange" : false}
      disabled={isDisabled}
      experimental_defaultFormStateBehavior={formState}
      translateString={(key, parameters) => {
        if (key === TranslatableString.NewStringDefault) return "";
        if (key === TranslatableString.YesLabel) return t("yes");
        if (key === TranslatableString.NoLabel) return t("no");
        return englishStringTranslator(key, parameters);
      }}
      onError={noted}
      onChange={(event, id) => {
        setData(event.formData);
        if (id !== undefined) setChanged(({ since, ids }) => ({ since: answer, ids: since === answer ? [...ids, id] : [id] }));
        if (found.length > 0) setFound(validator.problems(event.formData));
        onChange?.(validator.tidy(event.formData));
      }}
    >
      {noButton}
    </ThemedForm>
  );
  if (!onSubmit) return fields;
  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        check();
      }}
    >
      {problems.length > 0 && <ErrorSummary key={attempts} problems={problems} nameOf={(path) => nameOf(shaped, path)} prefix={prefix} />}
      {fields}
      <FormActions>
        {actions}
        <Button type="submit" kind="primary" isPending={isBusy} isDisabled={isDisabled}>
          {submitLabel ?? t("common:save")}
        </Button>
      </FormActions>
    </form>
  );
}

/** A field's name with those of the parts around it: `OAuth 2.0, Token URL`. */
function nameOf(schema: Schema, path: readonly string[]): string {
  const names: string[] = [];
  let here: Schema | undefined = schema;
  for (const part of path) {
    const known: Schema | boolean | undefined = here && propertyOf(here, part);
    here = isSchema(known) ? known : undefined;
    names.push(here?.title ?? (/^\d+$/.test(part) ? String(Number(part) + 1) : wording(part)));
  }
  return names.join(", ");
}

function propertyOf(schema: Schema, name: string): Schema | boolean | undefined {
  if (/^\d+$/.test(name) && isSchema(schema.items)) return { ...schema.items, title: String(Number(name) + 1) };
  const options = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].filter(isSchema);
  return [schema, ...options].map((each) => propertiesOf(each)[name]).find(isSchema);
}
