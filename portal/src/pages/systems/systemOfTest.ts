/** A system as the API answers, for tests. */
export const systemOfTest = {
  id: "sys_1",
  name: "Warehouse",
  config: {},
  hasCredentials: false,
  status: "UNTESTED",
  statusMessage: null,
  lastTestedAt: null,
  createdAt: "2026-11-27T09:00:00.000Z",
  tenant: { id: "ten_1", name: "Acme Stores" },
  connector: {},
  authorization: null,
  webhook: null,
  rateLimit: null,
  circuit: { state: "CLOSED", since: "2026-11-27T09:00:00.000Z", until: null, failures: 0 },
  actions: [],
};
