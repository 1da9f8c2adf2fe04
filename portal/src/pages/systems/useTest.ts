import { useMutationForm } from "@/api";
import { TEST_SYSTEM } from "./systemMutations";

/** Connects to a system for real, which takes up to 20 s. */
export function useTest(systemId: string) {
  const form = useMutationForm(TEST_SYSTEM, { payload: (data) => data.testSystem });
  return { ...form, test: () => void form.submit({ systemId }) };
}
