import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import { graphql, problemOf, type ResultOf } from "@/api";
import { ErrorState, Select, Skeleton, useAddress } from "@/ui";
import "../streams";
import { StreamMapping } from "./StreamMapping";

const MAPPING = graphql(`
  query MappingOfIntegration($id: ID!) {
    integration(id: $id) {
      id
      status
      streams {
        ...StreamSettings
        schema {
          fields {
            name
            types
            always
          }
          lastChange {
            at
            added
            removed
            changed {
              field
            }
          }
        }
      }
    }
  }
`);

export type MappingOf = NonNullable<ResultOf<typeof MAPPING>["integration"]>;
export type MappedStream = MappingOf["streams"][number];

/** The program of each stream that makes the destination's record of the source's. */
export default function Mapping({ integrationId }: { integrationId: string }) {
  const { t } = useTranslation("integrations");
  const [address, setAddress] = useAddress();
  const [{ data, error }, readAnew] = useQuery({ query: MAPPING, variables: { id: integrationId } });
  if (error && !data) return <ErrorState problem={problemOf(error)} onRetry={() => readAnew({ requestPolicy: "network-only" })} />;
  const integration = data?.integration;
  const [first] = integration?.streams ?? [];
  if (!integration || !first) return <Skeleton lines={10} />;
  const stream = integration.streams.find(({ name }) => name === address.get("stream")) ?? first;
  return (
    <>
      {integration.streams.length > 1 && (
        <Select
          label={t("mapping.stream")}
          options={integration.streams.map(({ name }) => ({ id: name, label: name }))}
          value={stream.name}
          onChange={(key) => setAddress({ stream: String(key) })}
        />
      )}
      <StreamMapping key={stream.name} integration={integration} stream={stream} />
    </>
  );
}
