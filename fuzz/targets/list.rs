//! Filters, orders and cursors of lists. The first line chooses the list, its direction and how the cursor is written;
//! the second is the cursor, the third the filter, as JSON, the fourth the order.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::town::{Caller, TOWN};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Lists of the query's root: the field, its filter's and its order's type.
const LISTS: [(&str, &str, &str); 12] = [
    ("tenants", "TenantFilter", "TenantOrder"),
    ("users", "UserFilter", "UserOrder"),
    ("invitations", "InvitationFilter", "InvitationOrder"),
    ("identityProviders", "IdentityProviderFilter", "IdentityProviderOrder"),
    ("apiKeys", "ApiKeyFilter", "ApiKeyOrder"),
    ("portalKeys", "PortalKeyFilter", "PortalKeyOrder"),
    ("portalSessions", "PortalSessionFilter", "PortalSessionOrder"),
    ("systems", "SystemFilter", "SystemOrder"),
    ("integrations", "IntegrationFilter", "IntegrationOrder"),
    ("runs", "RunFilter", "RunOrder"),
    ("failures", "FailureFilter", "FailureOrder"),
    ("auditEntries", "AuditEntryFilter", "AuditEntryOrder"),
];

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let (Some(choices), Some(cursor)) = (lines.next(), lines.next()) else { return };
    let mut choices = choices.bytes();
    let (list, forward, written) = (choices.next(), choices.next(), choices.next());
    let (field, filter_type, order_type) = LISTS[usize::from(list.unwrap_or_default()) % LISTS.len()];
    // Cursors are base64url of `order\nid\nvalue`; `|` stands for the line ends here.
    let cursor = match written {
        Some(b'b') => URL_SAFE_NO_PAD.encode(cursor.replace('|', "\n")),
        _ => cursor.to_owned(),
    };
    let (count, place) = if forward == Some(b'f') { ("first", "after") } else { ("last", "before") };
    let json = |text: Option<&str>| {
        text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or(Value::Null))
    };
    let filter = json(lines.next());
    let order = json(lines.next());
    let document = format!(
        "query($filter: {filter_type}, $order: {order_type}, $cursor: String) {{
            {field}(filter: $filter, orderBy: $order, {count}: 2, {place}: $cursor) {{
                edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage }}
            }}
        }}"
    );
    let variables =
        json!({ "filter": filter, "order": order, "cursor": (!cursor.is_empty()).then_some(cursor) });
    let body = json!({ "query": document, "variables": variables }).to_string().into_bytes();
    TOWN.ask(Caller::Reader, body).check();
});
