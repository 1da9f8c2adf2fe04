//! The first platform administrator: made by the operator at start or on the command line, since nobody can
//! sign in yet.

use std::sync::Arc;

use entity::user::{self, Role};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use secrecy::SecretString;

use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Call};
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::identity;
use crate::session::Origin;
use crate::user::CreateUser;
use crate::validation::normal_email;

/// Name of an administrator who is made at start.
const NAME: &str = "Administrator";

/// Whether there is any user at all.
///
/// # Errors
/// When the database can't be read.
pub async fn any_user(app: &App) -> Result<bool> {
    let row = identity::find::<user::Entity>()
        .limit(1)
        .one(app.across_tenants().reader())
        .await
        .doing("looking for a user")?;
    Ok(row.is_some())
}

/// Makes a platform administrator unless a user has the mail address already. True when it was made. Several
/// processes at once make one. A user who is there is left as they are: their role, and their password.
///
/// # Errors
/// Rejected when the mail address or password can't be used.
pub async fn ensure_admin(app: &Arc<App>, email: &str, password: SecretString) -> Result<bool> {
    let there = identity::find::<user::Entity>()
        .filter(user::Column::Email.eq(normal_email(email)))
        .one(app.across_tenants().reader())
        .await
        .doing("looking for the administrator")?;
    if there.is_some() {
        return Ok(false);
    }
    let input = CreateUser {
        email: email.to_owned(),
        name: NAME.to_owned(),
        role: Role::PlatformAdmin,
        tenant_id: None,
        password,
    };
    let operator = Actor::operator(app.clone());
    let call = Call::new(operator.clone(), "start", Origin::default(), None);
    let created = audit::record(call, async {
        let created = crate::user::create(&operator, input).await;
        audit::tell(&created);
        created
    });
    match created.await {
        Ok(_user) => Ok(true),
        // Another process was quicker.
        Err(Error::Rejected(problems))
            if problems.iter().all(|problem| problem.code == ProblemCode::Conflict) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
