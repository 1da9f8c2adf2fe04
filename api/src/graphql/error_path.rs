//! Paths of errors. async-graphql 8.0.0-rc.5 gives an error the path of each non-null parent that its null travels
//! up to, so that the answer no longer says which field failed. This keeps the first path
//! (<https://spec.graphql.org/October2021/#sec-Handling-Field-Errors>). Nothing else about errors is here.

use std::any::Any;
use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo,
};
use async_graphql::{PathSegment, Response, ServerError, ServerResult, Value};
use async_trait::async_trait;

/// Switches it on.
pub(super) struct ErrorPaths;

impl ExtensionFactory for ErrorPaths {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

/// Where an error arose; travels up in place of its source.
struct Origin {
    path: Vec<PathSegment>,
    source: Option<Arc<dyn Any + Send + Sync>>,
}

#[async_trait]
impl Extension for ErrorPaths {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        next.run(ctx, info).await.map_err(remember)
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut response = next.run(ctx, operation_name).await;
        response.errors.iter_mut().for_each(restore);
        response
    }
}

/// The innermost field comes first; later ones find the path there.
fn remember(mut error: ServerError) -> ServerError {
    let is_known = error.source.as_ref().is_some_and(|source| source.is::<Origin>());
    if !is_known {
        let origin = Origin { path: error.path.clone(), source: error.source.take() };
        error.source = Some(Arc::new(origin));
    }
    error
}

fn restore(error: &mut ServerError) {
    let Some(origin) = error.source.as_ref().and_then(|source| source.downcast_ref::<Origin>()) else {
        return;
    };
    let (path, source) = (origin.path.clone(), origin.source.clone());
    error.path = path;
    error.source = source;
}
