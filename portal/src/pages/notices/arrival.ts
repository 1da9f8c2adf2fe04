import type { NoticeDeliveryStatus } from "@/api/generated/schema";

const worstFirst: readonly NoticeDeliveryStatus[] = ["FAILED", "PARKED", "QUEUED", "DELIVERED"];

/** How a notice's deliveries are, taken together: the worst of them; null where there is none. */
export function arrivalOf(deliveries: readonly { status: NoticeDeliveryStatus }[]): NoticeDeliveryStatus | null {
  return worstFirst.find((status) => deliveries.some((delivery) => delivery.status === status)) ?? null;
}
