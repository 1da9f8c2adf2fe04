//! Values that fit the schema and can't be used: ids, cursors, texts, options, programs.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Place, message, places};
use crate::harness::fixture::stream;
use crate::scene::text;

#[tokio::test]
async fn unknown_ids_are_null_in_queries_and_not_found_in_mutations() {
    let place = Place::new().await;
    let unknown = |kind: &str| format!("{kind}_{}", Uuid::now_v7().simple());
    for field in [
        "tenant",
        "user",
        "system",
        "integration",
        "run",
        "failure",
        "retry",
        "backfill",
        "quarantine",
        "failureGroup",
        "reconciliation",
        "runbook",
        "notice",
        "incident",
        "node",
    ] {
        for id in [
            unknown(field),
            unknown("run"),
            "x".to_owned(),
            String::new(),
            "\0".to_owned(),
            "%".repeat(3_000),
        ] {
            let query = format!("query($id: ID!) {{ {field}(id: $id) {{ __typename }} }}");
            let data = place.admin().query(&query, json!({"id": id})).await;
            assert_eq!(data[field], Value::Null, "{field} {id}");
        }
    }
    for (name, field, more) in [
        ("updateTenant", "tenantId", json!({"name": "x"})),
        ("viewAs", "tenantId", json!({})),
        ("suspendTenant", "tenantId", json!({"reason": "x"})),
        ("resumeTenant", "tenantId", json!({})),
        ("setUserRole", "userId", json!({"role": "SUPPORT"})),
        ("disableUser", "userId", json!({})),
        ("enableUser", "userId", json!({})),
        ("revokeApiKey", "apiKeyId", json!({})),
        ("revokePortalKey", "portalKeyId", json!({})),
        ("endPortalSession", "portalSessionId", json!({})),
        ("endPortalSessions", "tenantId", json!({"endUser": "Mia"})),
        ("updateSystem", "systemId", json!({"name": "x"})),
        ("testSystem", "systemId", json!({})),
        ("deleteSystem", "systemId", json!({})),
        ("createConnectLink", "systemId", json!({})),
        ("rotateWebhookUrl", "systemId", json!({})),
        ("updateIntegration", "integrationId", json!({"name": "x"})),
        ("pauseIntegration", "integrationId", json!({})),
        ("resumeIntegration", "integrationId", json!({})),
        ("archiveIntegration", "integrationId", json!({})),
        ("previewMapping", "integrationId", json!({"stream": "x", "records": [{}]})),
        ("startRun", "integrationId", json!({})),
        ("cancelRun", "runId", json!({})),
        ("retryRun", "runId", json!({"scope": "ALL_RECORDS"})),
        ("cancelRetry", "retryId", json!({})),
        ("cancelBackfill", "backfillId", json!({})),
        ("acknowledgeFailureGroup", "groupId", json!({})),
        ("snoozeFailureGroup", "groupId", json!({"failures": 1})),
        ("resolveFailureGroup", "groupId", json!({})),
        ("ignoreFailureGroup", "groupId", json!({"note": "x"})),
        ("reopenFailureGroup", "groupId", json!({})),
        ("handOverFailureGroup", "groupId", json!({"to": "SUPPORT", "note": "x"})),
        ("commentFailureGroup", "groupId", json!({"text": "x"})),
        ("mergeFailureGroups", "groupId", json!({"mergeIds": []})),
        ("releaseQuarantine", "quarantineId", json!({})),
        ("discardQuarantine", "quarantineId", json!({"note": "x"})),
        ("startBackfill", "integrationId", json!({"stream": "x", "from": 1})),
        ("reconcileIntegration", "integrationId", json!({})),
        ("repairReconciliation", "reconciliationId", json!({})),
        ("setHealthTargets", "integrationId", json!({"freshnessSeconds": 60})),
        ("setKpis", "integrationId", json!({"kpis": []})),
        ("setSyntheticCheck", "integrationId", json!({"stream": "x", "record": {"id": "{synthetic}"}})),
        ("removeSyntheticCheck", "integrationId", json!({})),
        ("runSyntheticCheck", "integrationId", json!({})),
        ("updateRunbook", "runbookId", json!({"version": 1, "title": "x"})),
        ("reviewRunbook", "runbookId", json!({"version": 1})),
        ("deleteRunbook", "runbookId", json!({})),
        ("resetCursor", "integrationId", json!({"stream": "x", "reason": "x"})),
        ("updateNoticeChannel", "channelId", json!({"name": "x"})),
        ("rotateNoticeChannelSecret", "channelId", json!({})),
        ("deleteNoticeChannel", "channelId", json!({})),
        ("testNoticeChannel", "channelId", json!({})),
        ("updateNoticePolicy", "policyId", json!({"name": "x"})),
        ("deleteNoticePolicy", "policyId", json!({})),
        ("replayNotice", "noticeId", json!({})),
        ("updateEscalationPolicy", "policyId", json!({"version": 1, "name": "x"})),
        ("deleteEscalationPolicy", "policyId", json!({})),
        ("updateContact", "contactId", json!({"version": 1, "name": "x"})),
        ("deleteContact", "contactId", json!({})),
        ("setIntegrationContacts", "integrationId", json!({})),
        ("assignFailureGroup", "groupId", json!({})),
        ("updateOwnershipRule", "ruleId", json!({"version": 1, "name": "x"})),
        ("deleteOwnershipRule", "ruleId", json!({})),
        ("updateIncident", "incidentId", json!({"title": "x"})),
        ("addIncidentNote", "incidentId", json!({"text": "x"})),
        ("resolveIncident", "incidentId", json!({})),
        ("writePostmortem", "incidentId", json!({"body": "x"})),
    ] {
        // The right kind of id, another kind, and no id at all.
        for id in
            [unknown(field.trim_end_matches("Id")), place.tenant.id.replace("tenant", "run"), "\0".to_owned()]
        {
            let mut input = more.clone();
            input[field] = json!(id);
            assert_eq!(
                places(&place.admin().refused(name, input).await),
                [format!("NOT_FOUND {field}")],
                "{name} {id}"
            );
        }
    }
    let ids = json!({"failureIds": [unknown("failure"), "x"], "reason": "x"});
    assert_eq!(
        places(&place.admin().refused("skipFailures", ids.clone()).await),
        ["NOT_FOUND failureIds.0", "NOT_FOUND failureIds.1"]
    );
    let input = json!({"failureIds": ids["failureIds"]});
    assert_eq!(place.admin().refused("retryFailures", input).await.len(), 2);
    let none = json!({"failureIds": []});
    assert_eq!(places(&place.admin().refused("retryFailures", none).await), ["REQUIRED failureIds"]);
    assert_eq!(places(&place.admin().refused("retryFailures", json!({})).await), ["REQUIRED failureIds"]);
    let both = json!({"failureIds": ["x"], "filter": {}});
    assert_eq!(places(&place.admin().refused("retryFailures", both).await), ["INVALID filter"]);
    let many: Vec<_> = (0..1_001).map(|_| unknown("failure")).collect();
    let many = json!({"failureIds": many});
    assert_eq!(places(&place.admin().refused("retryFailures", many).await), ["LIMIT_REACHED failureIds"]);
}

#[tokio::test]
async fn things_of_two_tenants_are_not_put_together() {
    let (place, other) = (Place::new().await, Place::new().await);
    let (own, foreign) = (place.sandbox().await, other.sandbox().await);
    let before = place.holdings().await;
    let input = json!({
        "tenantId": place.tenant.id, "name": "mixed", "sourceId": own, "destinationId": foreign,
        "streams": [stream(json!({}), json!({}))],
    });
    // Staff sees both systems, and still an integration has one tenant.
    assert_eq!(places(&place.admin().refused("createIntegration", input).await), ["NOT_FOUND destinationId"]);
    let integration = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    let moved = json!({"integrationId": integration, "sourceId": foreign});
    assert_eq!(places(&place.admin().refused("updateIntegration", moved).await), ["NOT_FOUND sourceId"]);
    let after = place.holdings().await;
    assert_eq!(after["tenant"]["integrations"]["edges"].as_array().unwrap().len(), 1);
    assert_eq!(before["tenant"]["runs"], after["tenant"]["runs"]);
}

#[tokio::test]
async fn pages_out_of_bounds_and_cursors_of_other_lists_are_refused_by_name() {
    let place = Place::new().await;
    place.sandbox().await;
    let query = "query($id: ID!) { tenant(id: $id) { systems { pageInfo { endCursor } } }
        byName: systems(orderBy: {field: NAME}) { pageInfo { endCursor } } }";
    let data = place.admin().query(query, json!({"id": place.tenant.id})).await;
    let of_systems = text(&data["tenant"]["systems"]["pageInfo"]["endCursor"]);
    let by_name = text(&data["byName"]["pageInfo"]["endCursor"]);
    assert!(!of_systems.is_empty() && !by_name.is_empty(), "{data:#}");
    let refused = async |arguments: &str, argument: &str, words: &str| {
        for field in [format!("runs({arguments})"), format!("failures({arguments})")] {
            let response = place
                .admin()
                .try_query(&format!("{{ {field} {{ edges {{ cursor }} }} }}"), Value::Null)
                .await;
            assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{field}: {:#}", response.body);
            assert_eq!(response.errors()[0]["extensions"]["argument"], argument, "{field}");
            assert!(message(&response.body).contains(words), "{field}: {}", message(&response.body));
            assert_eq!(response.errors()[0]["path"].as_array().unwrap().len(), 1, "{field}");
        }
    };
    for number in ["0", "-1", "101", "1000000", "2147483647", "-2147483648"] {
        refused(&format!("first: {number}"), "first", "from 1 to 100").await;
        refused(&format!("last: {number}"), "last", "from 1 to 100").await;
    }
    refused("first: 1, last: 1", "last", "can't be combined").await;
    for cursor in ["x", "AAAA", &of_systems, &"A".repeat(2_000)] {
        refused(&format!("after: \"{cursor}\""), "after", "not a cursor of this list").await;
        refused(&format!("last: 5, before: \"{cursor}\""), "before", "not a cursor of this list").await;
    }
    let query = format!("{{ systems(after: \"{by_name}\") {{ edges {{ cursor }} }} }}");
    let response = place.admin().try_query(&query, Value::Null).await;
    assert_eq!(response.codes(), ["BAD_USER_INPUT"], "a cursor of the same list in another order");
    // Nested lists are refused one by one; the rest of the answer stands.
    let query = "query($id: ID!) { tenant(id: $id) { id } bad: tenant(id: $id) { runs(first: 0) { edges { cursor } } } }";
    let response = place.admin().try_query(query, json!({"id": place.tenant.id})).await;
    assert_eq!(response.body["data"], json!({"tenant": {"id": place.tenant.id}, "bad": null}));
    // A number that no Int can be is refused before anything runs.
    let response =
        place.admin().try_query("{ runs(first: 99999999999) { edges { cursor } } }", Value::Null).await;
    assert!(!response.errors().is_empty() && response.codes() != ["INTERNAL"], "{:#}", response.body);
}

#[tokio::test]
async fn texts_are_refused_where_nobody_could_read_or_store_them() {
    let place = Place::new().await;
    let before = place.holdings().await;
    let (long, nul) = ("x".repeat(201), "a\0b".to_owned());
    for (name, code) in [
        ("", "REQUIRED"),
        ("   ", "REQUIRED"),
        (long.as_str(), "TOO_LONG"),
        (nul.as_str(), "INVALID"),
        ("a\nb", "INVALID"),
    ] {
        let tenant = json!({"slug": format!("n-{}", Uuid::now_v7().simple()), "name": name});
        assert_eq!(
            places(&place.admin().refused("createTenant", tenant).await),
            [format!("{code} name")],
            "{name:?}"
        );
        let rename = json!({"tenantId": place.tenant.id, "name": name});
        assert_eq!(
            places(&place.admin().refused("updateTenant", rename).await),
            [format!("{code} name")],
            "{name:?}"
        );
        let system = json!({"tenantId": place.tenant.id, "name": name, "connector": "sandbox"});
        assert_eq!(
            places(&place.admin().refused("createSystem", system).await),
            [format!("{code} name")],
            "{name:?}"
        );
    }
    for slug in ["", "a", "A-B", "../x", "a/b", "a b", "-a", &"a".repeat(64), "a\0b", "ä-b"] {
        let errors = place.admin().refused("createTenant", json!({"slug": slug, "name": "x"})).await;
        assert_eq!(errors[0].field, "slug", "{slug:?}: {errors:?}");
    }
    let taken = json!({"slug": place.tenant.slug, "name": "x"});
    assert_eq!(places(&place.admin().refused("createTenant", taken).await), ["CONFLICT slug"]);

    // All that is wrong with a person, at once.
    let person =
        json!({"email": "no address", "name": "", "role": "PARTNER", "tenantId": "x", "password": "short"});
    let errors = place.admin().refused("createUser", person).await;
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "name", "password", "role", "tenantId"], "{errors:#?}");
    let key = json!({"name": "x", "scopes": ["runs:read", "everything", "tenants:manage"], "tenantIds": ["x"],
        "expiresAt": "2020-01-01T00:00:00Z"});
    let errors = places(&place.admin().refused("createApiKey", key).await);
    assert_eq!(
        errors,
        ["INVALID scopes.1", "INVALID scopes.2", "NOT_FOUND tenantIds.0", "INVALID expiresAt"]
    );
    let session =
        json!({"tenantId": place.tenant.id, "endUser": "", "scopes": ["users:manage"], "ttlSeconds": 5});
    let errors = places(&place.admin().refused("createPortalSession", session).await);
    assert_eq!(errors, ["REQUIRED endUser", "INVALID scopes.0", "INVALID ttlSeconds"]);

    let integration = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    for key in [String::new(), "k".repeat(256), "a\0b".to_owned()] {
        let input = json!({"integrationId": integration, "idempotencyKey": key});
        assert_eq!(
            places(&place.admin().refused("startRun", input).await),
            ["INVALID idempotencyKey"],
            "{key:?}"
        );
    }
    let after = place.holdings().await;
    assert_eq!(before["tenant"]["runs"], after["tenant"]["runs"], "no run was started");
    assert_eq!(before["tenant"]["name"], after["tenant"]["name"]);
    assert_eq!(
        after["tenant"]["systems"]["edges"].as_array().unwrap().len(),
        1,
        "only the one of the integration"
    );
    // Filters are texts too.
    for filter in ["a\0b".to_owned(), "x".repeat(201)] {
        let query = "query($filter: TenantFilter) { tenants(filter: $filter) { edges { cursor } } }";
        let response = place.admin().try_query(query, json!({"filter": {"search": filter}})).await;
        assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{:#}", response.body);
    }
    let query = "query($f: FailureFilter) { failures(filter: $f) { edges { cursor } } }";
    let sessions = "query($f: PortalSessionFilter) { portalSessions(filter: $f) { edges { cursor } } }";
    for end_user in ["a\0b".to_owned(), "x".repeat(201)] {
        let response = place.admin().try_query(sessions, json!({"f": {"endUser": end_user}})).await;
        assert_eq!(response.codes(), ["BAD_USER_INPUT"], "{:#}", response.body);
    }
    let nul = json!({"f": {"businessReference": {"contains": "a\0b"}, "code": ["a\0b"]}});
    assert_eq!(place.admin().try_query(query, nul).await.codes(), ["BAD_USER_INPUT"]);
}

#[tokio::test]
async fn systems_are_checked_by_their_connector_with_the_path_of_each_problem() {
    let place = Place::new().await;
    let refused = async |connector: &str, config: Value, credentials: Value| {
        let input = json!({
            "tenantId": place.tenant.id, "name": "x", "connector": connector, "config": config, "credentials": credentials,
        });
        place.admin().refused("createSystem", input).await
    };
    let errors = refused("fax", json!({}), json!({})).await;
    assert_eq!(places(&errors), ["INVALID connector"]);
    assert!(errors[0].message.contains("sandbox"), "it names those that there are: {errors:?}");
    assert_eq!(places(&refused("sandbox", json!({"sead": 1}), json!({})).await), ["INVALID config.sead"]);
    assert_eq!(places(&refused("sandbox", json!({"seed": "x"}), json!({})).await), ["INVALID config.seed"]);
    assert_eq!(places(&refused("sandbox", json!([]), json!({})).await), ["INVALID config"]);
    assert_eq!(
        places(&refused("postgres", json!({"host": "x"}), json!({"user": "u"})).await),
        ["REQUIRED config.database"]
    );
    let errors =
        refused("http", json!({"baseUrl": "ftp://x", "timeoutMs": -1, "colour": "red"}), json!({})).await;
    let mut fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["config.baseUrl", "config.colour", "config.timeoutMs"], "{errors:#?}");
    let errors = refused(
        "postgres",
        json!({"host": "x", "database": "d"}),
        json!({"password": ["leak-me"], "leak-me": 1}),
    )
    .await;
    assert!(errors.iter().all(|error| error.field.starts_with("credentials")), "{errors:#?}");
    assert!(
        errors.iter().all(|error| !error.message.contains("leak-me")),
        "no value of a credential comes back"
    );
    assert_eq!(refused("sqlite", json!({"path": "a\0b"}), json!({})).await[0].field, "config.path");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let input =
        json!({"tenantId": place.tenant.id, "name": "x", "connector": "sandbox", "config": {"seed": deep}});
    assert_eq!(place.admin().try_mutate("createSystem", &input, "").await.codes(), ["LIMIT_EXCEEDED"]);
    let large = json!({"seed": "x".repeat(70_000)});
    assert_eq!(places(&refused("sandbox", large, json!({})).await), ["TOO_LONG config"]);
    assert_eq!(place.holdings().await["tenant"]["systems"]["edges"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn integrations_are_checked_as_a_whole_with_the_path_of_each_problem() {
    let place = Place::new().await;
    let system = place.sandbox().await;
    let refused = async |streams: Value, schedule: Value| {
        let input = json!({
            "tenantId": place.tenant.id, "name": "x", "sourceId": system, "destinationId": system, "streams": streams,
            "schedule": schedule,
        });
        place.admin().refused("createIntegration", input).await
    };
    let one = |changes: Value| {
        let mut stream = stream(json!({}), json!({}));
        changes.as_object().unwrap().iter().for_each(|(name, value)| stream[name] = value.clone());
        json!([stream])
    };
    for (cron, words) in [
        ("", "must not be empty"),
        ("every day", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "minute"),
        ("0 0 31 2 *", "never happens"),
        ("@sometimes", "is not known"),
    ] {
        let errors = refused(one(json!({})), json!({"cron": cron})).await;
        assert_eq!(errors[0].field, "schedule.cron", "{cron}: {errors:?}");
        assert!(errors[0].message.contains(words), "{cron}: {errors:?}");
    }
    let errors = refused(one(json!({})), json!({"cron": "0 3 * * *", "timeZone": "Mars/Olympus"})).await;
    assert_eq!(places(&errors), ["INVALID schedule.timeZone"]);
    assert!(errors[0].message.contains("Mars/Olympus") || errors[0].message.contains("IANA"), "{errors:?}");

    let errors = refused(one(json!({"mapping": ".a = 1\n.b = upcase("})), Value::Null).await;
    assert_eq!(errors[0].field, "streams.0.mapping", "{errors:?}");
    assert!(errors[0].message.contains("line 2"), "the position stands in the message: {errors:?}");
    for program in [".a = get_env_var!(\"HOME\")", ".a = nonsense(1)", ".a = 1 +", ".a = to_int(.b)", "\0"] {
        let errors = refused(one(json!({"mapping": program})), Value::Null).await;
        assert_eq!(errors[0].field, "streams.0.mapping", "{program}: {errors:?}");
        assert_eq!(errors[0].code, "INVALID", "{program}");
    }
    let errors =
        refused(one(json!({"recordSchema": {"properties": {"a": {"type": "colour"}}}})), Value::Null).await;
    assert!(errors[0].field.starts_with("streams.0.recordSchema"), "{errors:?}");
    for schema in
        [json!("x"), json!([]), json!({"pattern": "("}), json!({"$ref": "https://example.com/x.json"})]
    {
        let errors = refused(one(json!({"recordSchema": schema})), Value::Null).await;
        assert!(errors[0].field.starts_with("streams.0.recordSchema"), "{schema}: {errors:?}");
    }
    for (changes, wanted) in [
        (json!({"name": ""}), "REQUIRED streams.0.name"),
        (json!({"name": "x".repeat(101)}), "TOO_LONG streams.0.name"),
        (json!({"name": "a\0b"}), "INVALID streams.0.name"),
        (json!({"keyFields": []}), "REQUIRED streams.0.keyFields"),
        (json!({"keyFields": ["id", "id"]}), "INVALID streams.0.keyFields"),
        (json!({"keyFields": [""]}), "INVALID streams.0.keyFields"),
        (json!({"deletions": {"action": "MARK"}}), "REQUIRED streams.0.deletions.markField"),
        (json!({"deletions": {"action": "MARK", "markField": ""}}), "INVALID streams.0.deletions.markField"),
        (
            json!({"deletions": {"action": "MARK", "markField": "id"}}),
            "INVALID streams.0.deletions.markField",
        ),
        (
            json!({"deletions": {"action": "DELETE", "markField": "a"}}),
            "INVALID streams.0.deletions.markField",
        ),
        (
            json!({"deletions": {"action": "DELETE", "maxPercent": 101}}),
            "INVALID streams.0.deletions.maxPercent",
        ),
        (json!({"mode": "INCREMENTAL"}), "REQUIRED streams.0.cursorField"),
        (json!({"source": {"recods": 1}}), "INVALID streams.0.source.recods"),
        (json!({"source": {"records": -1}}), "INVALID streams.0.source.records"),
        (json!({"destination": {"rejectEvery": "x"}}), "INVALID streams.0.destination.rejectEvery"),
        (json!({"mapping": "x".repeat(200_000)}), "TOO_LONG streams.0.mapping"),
    ] {
        assert_eq!(places(&refused(one(changes.clone()), Value::Null).await), [wanted], "{changes}");
    }
    assert_eq!(places(&refused(json!([]), Value::Null).await), ["REQUIRED streams"]);
    let twice = stream(json!({}), json!({}));
    assert_eq!(places(&refused(json!([twice, twice]), Value::Null).await), ["INVALID streams.1.name"]);
    let many: Vec<_> = (0..51).map(|_| &twice).collect();
    assert_eq!(places(&refused(json!(many), Value::Null).await), ["LIMIT_REACHED streams"]);

    // All at once, wherever they are.
    let streams = json!([
        {"name": "", "keyFields": [], "source": {"x": 1}, "mapping": "(", "recordSchema": 5}, {"name": "b", "keyFields": ["id"]},
    ]);
    let errors = places(&refused(streams, json!({"cron": "x", "timeZone": "y"})).await);
    for wanted in [
        "streams.0.name",
        "streams.0.keyFields",
        "streams.0.source.x",
        "streams.0.mapping",
        "streams.0.recordSchema",
        "schedule.cron",
        "schedule.timeZone",
    ] {
        assert!(errors.iter().any(|error| error.ends_with(wanted)), "{wanted}: {errors:?}");
    }
    assert!(errors.iter().all(|error| !error.contains("streams.1")), "{errors:?}");
    assert_eq!(place.holdings().await["tenant"]["integrations"]["edges"], json!([]), "nothing was stored");

    // A change that is refused leaves everything as it is.
    let integration = place.fixture.sandbox(&place.tenant, json!({"records": 7}), json!({})).await;
    let before = place.holdings().await;
    let input = json!({
        "integrationId": integration, "name": "renamed", "streams": one(json!({"mapping": "("})), "schedule": {"cron": "@daily"},
    });
    assert_eq!(place.admin().refused("updateIntegration", input).await[0].field, "streams.0.mapping");
    assert_eq!(place.holdings().await, before);
}

#[tokio::test]
async fn runs_of_many_integrations_are_started_all_or_none() {
    let place = Place::new().await;
    let integration = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    let archived = place.fixture.sandbox(&place.tenant, json!({}), json!({})).await;
    place
        .admin()
        .mutate("archiveIntegration", json!({"integrationId": archived}), "integration { id }")
        .await;
    let other = Place::new().await;
    let foreign = other.fixture.sandbox(&other.tenant, json!({}), json!({})).await;
    for (ids, expected) in [
        (json!([]), vec!["REQUIRED integrationIds"]),
        (json!(vec![&integration; 1_001]), vec!["TOO_LONG integrationIds"]),
        (
            json!([integration, "nonsense", integration, archived, foreign]),
            vec![
                "NOT_FOUND integrationIds.1",
                "INVALID integrationIds.2",
                "CONFLICT integrationIds.3",
                "INVALID integrationIds.4",
            ],
        ),
    ] {
        let errors = places(&place.admin().refused("startRuns", json!({"integrationIds": ids})).await);
        assert_eq!(errors, expected);
    }
    let query = "query($id: ID!) { integration(id: $id) { runs { edges { node { id } } } } }";
    let found = place.admin().query(query, json!({"id": integration})).await;
    assert_eq!(found["integration"]["runs"]["edges"], json!([]), "no run was started");
}
