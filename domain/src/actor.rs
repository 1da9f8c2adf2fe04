//! Who asks: an authenticated principal with a role, a set of tenants and permissions.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use entity::user::Role;
use uuid::Uuid;

use crate::app::App;
use crate::error::{Error, Result};
use crate::permission::{Audience, Permission, PermissionSet, audience, is_staff};
use crate::replica::ReadFrom;
use crate::scope::Scope;
use crate::words::{Language, Locale};

/// Tenants that a caller may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Every tenant: staff.
    All,
    /// These; never empty filters, an empty list sees nothing.
    Some(Vec<Uuid>),
}

impl Tenants {
    /// Whether a tenant is inside.
    pub fn contains(&self, tenant_id: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Some(tenants) => tenants.contains(&tenant_id),
        }
    }
}

/// Who stands behind a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Nobody signed in.
    Anonymous,
    /// A user, in a session.
    User {
        /// The user.
        id: Uuid,
        /// The session of the access token.
        session_id: Uuid,
    },
    /// An API key.
    ApiKey {
        /// The key.
        id: Uuid,
    },
    /// A portal session.
    Portal {
        /// The session.
        id: Uuid,
    },
    /// Somebody of the staff who sees what a tenant's people see, and changes nothing.
    View {
        /// Who looks.
        user_id: Uuid,
        /// Their session.
        session_id: Uuid,
    },
    /// The operator on the command line.
    Operator,
}

impl fmt::Display for Principal {
    /// Stable text for idempotency and audit: `user:…`, `api_key:…`, `portal:…`, `view:…`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::User { id, .. } => write!(formatter, "user:{}", id.simple()),
            Self::ApiKey { id } => write!(formatter, "api_key:{}", id.simple()),
            Self::Portal { id } => write!(formatter, "portal:{}", id.simple()),
            Self::View { user_id, .. } => write!(formatter, "view:{}", user_id.simple()),
            Self::Operator => formatter.write_str("operator"),
        }
    }
}

/// A caller, with the language they read, and from which server. Cheap to clone.
#[derive(Clone)]
pub struct Actor(Arc<Inner>, Locale, ReadFrom);

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) app: Arc<App>,
    pub(crate) principal: Principal,
    /// `None` for nobody.
    pub(crate) role: Option<Role>,
    pub(crate) tenants: Tenants,
    pub(crate) permissions: PermissionSet,
    /// In words a customer understands: a person's name, a key's name, or the operator's support.
    pub(crate) name: String,
    /// As the operator's own people know it.
    pub(crate) own_name: String,
    /// Those of a tenant-side caller's tenants that are suspended: read only.
    pub(crate) suspended: Vec<Uuid>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Of a person.
    pub(crate) second_factor: Option<SecondFactor>,
}

/// What a person has of a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecondFactor {
    /// Signing in asks for a code.
    On,
    /// It does not.
    Off,
    /// It does not, and until it does they may do nothing else.
    Due,
}

impl Actor {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner), Locale::default(), ReadFrom::Primary)
    }

    /// The same caller, who reads this language.
    pub fn reading(self, locale: Locale) -> Self {
        Self(self.0, locale, self.2)
    }

    /// The same caller, who reads from there.
    pub(crate) fn reading_from(self, from: ReadFrom) -> Self {
        Self(self.0, self.1, from)
    }

    /// The same caller, who sees what was committed a moment ago: for what decides who may see what.
    pub(crate) fn on_primary(&self) -> Self {
        self.clone().reading_from(ReadFrom::Primary)
    }

    /// The same caller, who sees of their tenants this one alone; `None` when it is not among them.
    pub(crate) fn within(&self, tenant_id: Uuid) -> Option<Self> {
        let inner = Inner { tenants: Tenants::Some(vec![tenant_id]), ..Inner::clone(&self.0) };
        self.0.tenants.contains(tenant_id).then(|| Self(Arc::new(inner), self.1, self.2.clone()))
    }

    /// The same caller without a permission.
    pub(crate) fn without(&self, permission: Permission) -> Self {
        let inner = Inner { permissions: self.0.permissions.without(permission), ..Inner::clone(&self.0) };
        Self(Arc::new(inner), self.1, self.2.clone())
    }

    /// The language they read.
    pub fn locale(&self) -> Locale {
        self.1
    }

    /// The words that they read.
    pub(crate) fn language(&self) -> Language {
        self.app().words().current(self.1)
    }

    /// Nobody: may sign in, and nothing else.
    pub fn anonymous(app: Arc<App>) -> Self {
        Self::new(Inner {
            app,
            principal: Principal::Anonymous,
            role: None,
            tenants: Tenants::Some(Vec::new()),
            permissions: PermissionSet::default(),
            name: "nobody".to_owned(),
            own_name: "nobody".to_owned(),
            suspended: Vec::new(),
            expires_at: None,
            second_factor: None,
        })
    }

    /// The operator on the command line or at start: what a platform administrator may.
    pub fn operator(app: Arc<App>) -> Self {
        Self::new(Inner {
            app,
            principal: Principal::Operator,
            role: Some(Role::PlatformAdmin),
            tenants: Tenants::All,
            permissions: PermissionSet::of(Role::PlatformAdmin, &[]),
            name: "the operator".to_owned(),
            own_name: "the operator".to_owned(),
            suspended: Vec::new(),
            expires_at: None,
            second_factor: None,
        })
    }

    /// The rows that this caller may touch for a permission; for one that writes, none of a partner's
    /// suspended tenants, and as they are on the primary.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody, [`Error::Forbidden`] when the role or scopes lack it, or
    /// when it writes and the caller's tenant is suspended.
    pub fn authorize(&self, permission: Permission) -> Result<Scope> {
        self.require(permission)?;
        let tenants = match &self.0.tenants {
            Tenants::Some(tenants) if permission.writes() && !self.0.suspended.is_empty() => {
                Tenants::Some(tenants.iter().copied().filter(|id| !self.0.suspended.contains(id)).collect())
            }
            tenants => tenants.clone(),
        };
        let scope = Scope::new(self.0.app.clone(), tenants).only_looking(self.is_view());
        Ok(if permission.writes() { scope } else { scope.reading_from(self.2.clone()) })
    }

    /// Checks a permission without a scope, for a second one that a call needs.
    ///
    /// # Errors
    /// As [`authorize`](Self::authorize).
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.0.principal == Principal::Anonymous {
            return Err(Error::Unauthenticated);
        }
        if self.needs_second_factor() {
            return Err(Self::enroll_first());
        }
        if !self.0.permissions.contains(permission) {
            let message = format!("this needs the permission `{}`", permission.name());
            return Err(Error::Forbidden { permission: Some(permission), message });
        }
        if permission.writes() { self.not_suspended(permission) } else { Ok(()) }
    }

    /// That they are not held back by their tenant's suspension, where a permission to read reaches outside.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the caller's tenant is suspended.
    pub(crate) fn not_suspended(&self, permission: Permission) -> Result<()> {
        if !self.is_suspended() {
            return Ok(());
        }
        let message = "this tenant is suspended: its people can look, and change nothing".to_owned();
        Err(Error::Forbidden { permission: Some(permission), message })
    }

    fn enroll_first() -> Error {
        let message =
            "staff need a second factor here: set yours up first, with `enrollSecondFactor`".to_owned();
        Error::Forbidden { permission: None, message }
    }

    /// The user and the session of a signed-in person.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody, [`Error::Forbidden`] for API keys and portal sessions, and for staff who
    /// must set up a second factor first.
    pub(crate) fn own_session(&self) -> Result<(Uuid, Uuid)> {
        let own = self.own_session_before_enrolling()?;
        if self.needs_second_factor() { Err(Self::enroll_first()) } else { Ok(own) }
    }

    /// The same for what those may do who must set up a second factor first: that, and ending their sessions.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody, [`Error::Forbidden`] for API keys and portal sessions.
    pub(crate) fn own_session_before_enrolling(&self) -> Result<(Uuid, Uuid)> {
        match self.0.principal {
            Principal::User { id, session_id } => Ok((id, session_id)),
            Principal::Anonymous => Err(Error::Unauthenticated),
            Principal::ApiKey { .. }
            | Principal::Portal { .. }
            | Principal::View { .. }
            | Principal::Operator => {
                let message = "this is for people who signed in with a password".to_owned();
                Err(Error::Forbidden { permission: None, message })
            }
        }
    }

    /// Whether a call that needs this permission would pass [`require`](Self::require).
    pub fn may(&self, permission: Permission) -> bool {
        self.0.permissions.contains(permission) && !(self.is_suspended() && permission.writes())
    }

    /// True when every tenant of a tenant-side caller is suspended, so that it reads only.
    pub fn is_suspended(&self) -> bool {
        match &self.0.tenants {
            Tenants::All => false,
            Tenants::Some(tenants) => {
                !tenants.is_empty() && tenants.iter().all(|id| self.0.suspended.contains(id))
            }
        }
    }

    /// Whether it is somebody of the staff who sees what a tenant's people see.
    pub fn is_view(&self) -> bool {
        matches!(self.0.principal, Principal::View { .. })
    }

    /// That they may do something at all, whatever their permissions say.
    ///
    /// # Errors
    /// [`Error::Forbidden`] in a view.
    pub fn acts(&self) -> Result<()> {
        if self.is_view() { Err(only_looking()) } else { Ok(()) }
    }

    /// Who stands behind it.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The role; `None` for nobody.
    pub fn role(&self) -> Option<Role> {
        self.0.role
    }

    /// Whether it is staff of the operator.
    pub fn is_staff(&self) -> bool {
        self.0.role.is_some_and(is_staff)
    }

    /// The layer of information it reads; nobody reads as a customer.
    pub fn audience(&self) -> Audience {
        self.0.role.map_or(Audience::Customer, audience)
    }

    /// The tenants it may touch.
    pub fn tenants(&self) -> &Tenants {
        &self.0.tenants
    }

    /// The one tenant of a tenant-side caller, or of a partner with only one.
    pub fn tenant_id(&self) -> Option<Uuid> {
        match &self.0.tenants {
            Tenants::Some(tenants) if tenants.len() == 1 => tenants.first().copied(),
            _ => None,
        }
    }

    /// What it may do.
    pub fn permissions(&self) -> PermissionSet {
        self.0.permissions
    }

    /// In words a customer understands: staff are not named to tenants.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether signing in asks this person for a code; `None` for whoever is no person.
    pub fn second_factor(&self) -> Option<bool> {
        self.0.second_factor.map(|factor| factor == SecondFactor::On)
    }

    /// Whether this person may do nothing before they set up a second factor.
    pub fn needs_second_factor(&self) -> bool {
        self.0.second_factor == Some(SecondFactor::Due)
    }

    /// The name of a person or key, of staff too: for the audit log, not for tenants.
    pub(crate) fn own_name(&self) -> &str {
        &self.0.own_name
    }

    /// When its token ends.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// The process-wide parts.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.0.app
    }
}

pub(crate) fn only_looking() -> Error {
    let message = "this is a view of what others see: it changes nothing".to_owned();
    Error::Forbidden { permission: None, message }
}

impl fmt::Debug for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Actor")
            .field("principal", &self.0.principal)
            .field("role", &self.0.role)
            .finish_non_exhaustive()
    }
}
