import { useQuery } from "urql";
import { graphql } from "@/api";
import { useAddress } from "@/ui";
import { isUsable, type SystemChoice } from "./SystemField";

const PRESET = graphql(`
  query SystemToChoose($id: ID!) {
    system(id: $id) {
      ...SystemChoice
    }
  }
`);

/** The system that the address names for an end: null for none that can be it, undefined while it is on its way. */
export function usePreset(end: "source" | "destination"): SystemChoice | null | undefined {
  const [address] = useAddress();
  const id = address.get(end);
  const [{ data, error }] = useQuery({ query: PRESET, variables: { id: id ?? "" }, pause: id === null });
  if (id === null || error) return null;
  if (!data) return undefined;
  return data.system && isUsable(data.system, end) ? data.system : null;
}
