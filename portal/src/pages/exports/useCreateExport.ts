import { graphql, useMutationForm } from "@/api";
import { toast } from "@/ui";

const CREATE = graphql(`
  mutation CreateExport($input: CreateExportInput!) {
    createExport(input: $input) {
      export {
        id
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

/** Asks for a file of all that a query finds. */
export function useCreateExport(onDone: () => void) {
  return useMutationForm(CREATE, {
    payload: (data) => data.createExport,
    fields: ["tenantId"],
    onDone,
    onRefused: ([first]) => first && toast(first.message, "danger"),
  });
}
