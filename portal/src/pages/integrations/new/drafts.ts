import { uniqueKey, type UserError } from "@/api";
import type { StreamInput, SyncMode } from "@/api/generated/schema";
import type { FormProblem } from "@/forms";

/** A stream while it is written. */
export interface StreamDraft {
  key: string;
  name: string;
  mode: SyncMode;
  keyFields: string[];
  cursorField: string;
  source: unknown;
  destination: unknown;
  mapping: string;
}

export function emptyStream(): StreamDraft {
  return { key: uniqueKey(), name: "", mode: "FULL", keyFields: [], cursorField: "", source: {}, destination: {}, mapping: "" };
}

export function inputOf({ name, mode, keyFields, cursorField, source, destination, mapping }: StreamDraft): StreamInput {
  return {
    name: name.trim(),
    mode,
    keyFields,
    source,
    destination,
    mapping: mapping.trim() === "" ? null : mapping,
    ...(mode === "INCREMENTAL" && cursorField.trim() !== "" && { cursorField: cursorField.trim() }),
    // The API has defaults for these; its types want them said.
    onSchemaChange: "CONTINUE",
  };
}

const fields = ["name", "mode", "keyFields", "cursorField", "mapping"] as const;

/** Names of a stream's fields in the form, which are paths into the input. */
export function streamFields(at: number): string[] {
  return fields.map((field) => `streams.${at}.${field}`);
}

/** An error in a connector's options: of which stream and end; null for others. */
export function ofPart({ field }: UserError): { at: number; end: "source" | "destination"; path: string[] } | null {
  const [list, at, end, ...path] = field ?? [];
  if (list !== "streams" || at === undefined || (end !== "source" && end !== "destination")) return null;
  return { at: Number(at), end, path };
}

/** The errors of one end's options. */
export function problemsOf(errors: readonly UserError[], at: number, end: "source" | "destination"): FormProblem[] {
  return errors.flatMap((error) => {
    const part = ofPart(error);
    return part?.at === at && part.end === end ? [{ path: part.path, message: error.message }] : [];
  });
}
