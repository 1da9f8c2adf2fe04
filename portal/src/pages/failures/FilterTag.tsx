import { X } from "lucide-react";
import { Button, useAddress } from "@/ui";

/** A filter that came with a link: what it is, and a press takes it away. */
export function FilterTag({ name, label }: { name: string; label: string }) {
  const [, setAddress] = useAddress();
  return (
    <Button size="small" icon={<X size={14} aria-hidden />} onPress={() => setAddress({ [name]: null })}>
      {label}
    </Button>
  );
}
