import { Braces, Cable, Database, FileSpreadsheet, FlaskConical, Globe, type LucideIcon, TextCursorInput, Webhook } from "lucide-react";

const icons: Record<string, LucideIcon> = {
  file: FileSpreadsheet,
  graphql: Braces,
  http: Globe,
  mysql: Database,
  postgres: Database,
  sandbox: FlaskConical,
  singer: TextCursorInput,
  sqlite: Database,
  webhook: Webhook,
};

/** Of a connector, by its name; others have a plug. */
export function ConnectorIcon({ name, size = 18 }: { name: string; size?: number }) {
  const Icon = icons[name] ?? Cable;
  return <Icon size={size} aria-hidden />;
}
