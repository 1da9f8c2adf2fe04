import { Languages, Pencil } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useQuery } from "urql";
import "./wordParts";
import { graphql, problemOf } from "@/api";
import { usePermission } from "@/app/session";
import { languageOf, languages } from "@/i18n";
import { Badge, Button, Card, EmptyState, ErrorState, FilterBar, NotFound, Page, Select, Skeleton, Table, useAddress, type Column } from "@/ui";
import { WordDialog } from "./WordDialog";
import type { Word } from "./wordParts";
import styles from "./Words.module.css";

const WORDS = graphql(`
  query Words($locale: String!) {
    words(locale: $locale) {
      ...WordParts
    }
  }
`);

const context = { additionalTypenames: ["Word"] };

/** What people read of failures, code by code; the operator can say it in their own words. */
export default function Words() {
  const { t, i18n } = useTranslation("words");
  const [address, setAddress] = useAddress();
  const locale = languages.find((each) => each === address.get("language")) ?? languageOf(i18n.language);
  const search = address.get("search")?.toLowerCase() ?? "";
  const isOwnOnly = address.get("which") === "own";
  const [open, setOpen] = useState<Word | null>(null);
  const mayManage = usePermission("words:manage");
  const [{ data, error }, execute] = useQuery({ query: WORDS, variables: { locale }, context, pause: !mayManage });
  const rows = (data?.words ?? [])
    .filter((word) => !isOwnOnly || word.isOverridden)
    .filter(({ code, text }) => `${code} ${text}`.toLowerCase().includes(search))
    .map((word) => ({ ...word, id: [word.code, word.part, word.audience].join(".") }));
  const columns: Column<Word>[] = [
    {
      id: "code",
      header: t("column.code"),
      isRowHeader: true,
      width: "minmax(180px, 1fr)",
      cell: (word) => (
        <span className={styles.stack}>
          <code>{word.code}</code>
          <span className={styles.note}>{nameOf(word, t)}</span>
        </span>
      ),
    },
    {
      id: "text",
      header: t("column.text"),
      width: "minmax(260px, 3fr)",
      cell: (word) => (
        <span className={styles.stack} lang={word.locale}>
          {word.text}
          {word.isOverridden && <span className={styles.note}>{t("shippedIs", { text: word.shipped })}</span>}
        </span>
      ),
    },
    {
      id: "own",
      header: t("column.origin"),
      width: "130px",
      cell: ({ isOverridden }) => (isOverridden ? <Badge tone="info">{t("own")}</Badge> : t("shipped")),
    },
    {
      id: "change",
      header: t("change"),
      hideHeader: true,
      align: "end",
      width: "110px",
      cell: (word) => (
        <Button
          size="small"
          icon={<Pencil size={14} aria-hidden />}
          aria-label={t("changeOf", { name: `${word.code}, ${nameOf(word, t)}` })}
          onPress={() => setOpen(word)}
        >
          {t("change")}
        </Button>
      ),
    },
  ];
  if (!mayManage) return <NotFound />;
  return (
    <Page title={t("title")} description={t("lead")}>
      <FilterBar
        filters={[
          { kind: "search", name: "search", label: t("search"), placeholder: t("search") },
          { kind: "choice", name: "which", label: t("column.origin"), options: [{ id: "own", label: t("own") }] },
        ]}
      >
        <Select
          label={t("language")}
          hideLabel
          options={languages.map((id) => ({ id, label: t(`common:shell.language.${id}`) }))}
          value={locale}
          onChange={(key) => setAddress({ language: String(key) })}
        />
      </FilterBar>
      {error && !data ? (
        <ErrorState problem={problemOf(error)} onRetry={() => execute({ requestPolicy: "network-only" })} />
      ) : !data ? (
        <Skeleton lines={8} height={40} />
      ) : rows.length === 0 ? (
        <EmptyState icon={<Languages size={32} aria-hidden />} title={isOwnOnly && !search ? t("noneOwn") : t("empty")} />
      ) : (
        <Card flush>
          <Table label={t("title")} rows={rows} columns={columns} />
        </Card>
      )}
      {open && <WordDialog word={open} name={nameOf(open, t)} onClose={() => setOpen(null)} />}
    </Page>
  );
}

type Texts = ReturnType<typeof useTranslation<"words">>["t"];

/** "What happened", or "What to do, for customers". */
function nameOf({ part, audience }: Word, t: Texts): string {
  return part === "SUMMARY" || !audience ? t(`part.${part}`) : t("actionFor", { audience: t(`audience.${audience}`) });
}
