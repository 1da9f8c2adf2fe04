import { useMemo, type ReactNode } from "react";
import { FormValidationContext } from "react-aria-components";

/** What is wrong with the field of this name, where no `Form` around it says so. It goes once the field is changed. */
export function FieldErrors({ name, errors, children }: { name: string; errors: string[] | undefined; children: ReactNode }) {
  const byName = useMemo(() => (errors ? { [name]: errors } : {}), [name, errors]);
  return <FormValidationContext value={byName}>{children}</FormValidationContext>;
}
