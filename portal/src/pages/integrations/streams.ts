import { graphql, type ResultOf } from "@/api";
import type { StreamInput } from "@/api/generated/schema";

/** Everything that can be set of a stream: `updateIntegration` takes all streams at once. */
export const STREAM_SETTINGS = graphql(`
  fragment StreamSettings on Stream {
    name
    mode
    keyFields
    cursorField
    source
    destination
    mapping
    recordSchema
    overlap
    onSchemaChange
    deletions {
      action
      markField
      maxPercent
    }
    quality {
      maxFailedPercent
      minRecords
      unique
      references {
        fields
        stream
      }
      tableReferences {
        fields
        table
        columns
      }
      nullRates {
        field
        maxPercent
        maxIncrease
      }
      volume {
        minPercent
        maxPercent
      }
    }
    impact {
      base
      valueField
      rules {
        when
        impact
        label
      }
    }
  }
`);

export type StreamSettingsOf = ResultOf<typeof STREAM_SETTINGS>;

/** What is JSON of somebody else is left as it is. */
const foreign = new Set(["source", "destination", "recordSchema", "when"]);

/** A stream as it is, for its input. */
export function inputOf(stream: StreamSettingsOf): StreamInput {
  return plain(stream) as StreamInput;
}

/** Without what GraphQL adds to objects, which is no input. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== "__typename")
      .map(([name, below]) => [name, foreign.has(name) ? (below as unknown) : plain(below)]),
  );
}
