import getDefaultRegistry from "@rjsf/core/lib/getDefaultRegistry.js";
import type { FieldProps } from "@rjsf/utils";
import { marksOf } from "../schema";
import { JsonField } from "./JsonField";

const { ObjectField: KnownObject } = getDefaultRegistry().fields;

export function ObjectField(props: FieldProps) {
  if (marksOf(props.schema)["x-json"] || !KnownObject) return <JsonField {...props} />;
  return <KnownObject {...props} />;
}
