//! What happens to the records of a stream between its ends, ready for the engine.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use connector::Removal;
use domain::background::ClaimedStream;
use domain::kpi;
use entity::integration::{DeletionAction, Deletions};
use pipeline::{Mapping, RetryPolicy, Rules, StreamPlan, StreamStop};
use tokio::task::spawn_blocking;

use super::Route;

impl Route {
    /// Compiles what happens to the records of a stream. It compiled when the integration was saved; that it does not now
    /// is a fault of ours. `judges` is whether its gate does.
    pub(super) async fn plan(&self, claimed: &ClaimedStream, judges: bool) -> Result<StreamPlan, StreamStop> {
        let stream = &claimed.stream;
        let mut checks = claimed.checks.clone();
        if !judges {
            checks.unique.clear();
        }
        let plan = StreamPlan {
            mapping: None,
            rules: None,
            fresh: claimed.fresh,
            shape: Some(claimed.shape.clone()),
            removal: stream.deletions.as_ref().and_then(|deletions| removal(deletions, self.lease.now())),
            checks,
            gate: judges.then(|| claimed.gate.clone()),
            kpis: None,
            repeats: claimed.repeats,
            pages: self.pages.clone(),
            retry: RetryPolicy::default(),
            progress: self.progress.clone(),
        };
        let (mapping, schema) = (stream.mapping.clone(), stream.record_schema.clone());
        let kpis = claimed.kpis.clone();
        if mapping.is_none() && schema.is_none() && kpis.is_empty() {
            return Ok(plan);
        }
        let fault = |detail: String| StreamStop::Internal { detail };
        let compile = move || {
            let mapping = mapping
                .map(|program| Mapping::compile(&program))
                .transpose()
                .map_err(|problems| fault(format!("the mapping does not compile: {problems}")))?;
            let rules = schema
                .map(|schema| Rules::compile(&schema))
                .transpose()
                .map_err(|problem| fault(format!("the record schema does not compile: {problem}")))?;
            let kpis = kpi::compiled(&kpis)
                .map_err(|problem| fault(format!("a KPI does not compile: {problem}")))?;
            Ok::<_, StreamStop>((mapping.map(Arc::new), rules.map(Arc::new), kpis.map(Arc::new)))
        };
        let (mapping, rules, kpis) = spawn_blocking(compile)
            .await
            .map_err(|error| StreamStop::Internal { detail: format!("compiling the mapping: {error}") })??;
        Ok(StreamPlan { mapping, rules, kpis, ..plan })
    }
}

/// What becomes of records that are gone from the source.
fn removal(deletions: &Deletions, now: DateTime<Utc>) -> Option<Removal> {
    match (deletions.action, &deletions.mark_field) {
        (DeletionAction::Delete, _) => Some(Removal::Delete),
        (DeletionAction::Mark, Some(field)) => {
            let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
            Some(Removal::Mark { field: field.clone(), at })
        }
        // Not stored: a mark needs a field.
        (DeletionAction::Mark, None) => None,
    }
}
