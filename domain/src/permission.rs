//! The one permission table: which role may do what. Guards, the SDL's descriptions,
//! `viewer.permissions` and the access-matrix test are derived from it.

use entity::user::Role;

pub use entity::run_event::Audience;

/// Something that a role may do. The names are stable: they are the scopes of keys and portal sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Read tenants.
    TenantRead,
    /// Create, update, suspend and resume tenants.
    TenantManage,
    /// Create staff and set their roles.
    StaffManage,
    /// Read a tenant's users and API keys.
    UserRead,
    /// Create, change and disable a tenant's users.
    UserManage,
    /// Create and revoke API keys.
    ApiKeyManage,
    /// Mint portal sessions.
    PortalSessionCreate,
    /// Read systems and connectors.
    SystemRead,
    /// Create, update and delete systems.
    SystemWrite,
    /// Connect to a system to see whether it answers.
    SystemTest,
    /// Read integrations.
    IntegrationRead,
    /// Create, update and archive integrations.
    IntegrationWrite,
    /// Pause and resume integrations.
    IntegrationOperate,
    /// Read runs and their events.
    RunRead,
    /// Start, cancel and retry runs.
    RunStart,
    /// Read failures and retries.
    FailureRead,
    /// Retry failures, cancel retries.
    FailureRetry,
    /// Edit a record and retry it.
    FailureEdit,
    /// Leave records out.
    FailureSkip,
    /// Read records as they were read from the source.
    RecordRead,
    /// Read HTTP statuses and attempts of outside calls.
    DiagnosticsRead,
    /// Read error chains, trace ids, logs, workers.
    InternalsRead,
    /// Read the audit log.
    AuditRead,
    /// Read a customer's record for minutes, with a reason, if the customer allows it.
    RecordReveal,
    /// Allow the operator's staff to do that, or withdraw it.
    SupportAccessManage,
    /// Read, create, change and remove identity providers.
    IdentityProviderManage,
    /// Read, engage and release kill switches.
    KillSwitchManage,
    /// Decide about groups of failures, and hand them over.
    FailureGroupManage,
    /// Ignore groups of failures and merge them: what nobody hears of any more.
    FailureGroupDismiss,
    /// Read runbooks.
    RunbookRead,
    /// Write, review and delete runbooks.
    RunbookManage,
    /// Read the words of the error catalogue, and say them otherwise.
    WordManage,
    /// Read notices, their channels and policies.
    NoticeRead,
    /// Create, change, test and delete channels and policies of notices, replay notices, and read attempts.
    NoticeManage,
    /// Read policies of escalation, how far groups are escalated, and how promises were kept.
    EscalationRead,
    /// Create, change and delete policies of escalation.
    EscalationManage,
    /// Read contacts, and who is what for an integration.
    ContactRead,
    /// Create, change and delete contacts.
    ContactManage,
    /// Read, create, change and delete rules of ownership.
    OwnershipRuleManage,
    /// Read incidents: staff all of them, a tenant what is meant for it of those that hit its systems.
    IncidentRead,
    /// Say that there are incidents, how far they are, and what those who are hit read.
    IncidentManage,
    /// Export what one may read; read and cancel exports, and download one's own.
    ExportManage,
    /// Put files into the directory or bucket of a system, where integrations read them.
    FileUpload,
    /// See what somebody of a tenant sees.
    TenantViewAs,
}

impl Permission {
    /// Every permission, in the order of the enum.
    pub const ALL: [Self; 44] = [
        Self::TenantRead,
        Self::TenantManage,
        Self::StaffManage,
        Self::UserRead,
        Self::UserManage,
        Self::ApiKeyManage,
        Self::PortalSessionCreate,
        Self::SystemRead,
        Self::SystemWrite,
        Self::SystemTest,
        Self::IntegrationRead,
        Self::IntegrationWrite,
        Self::IntegrationOperate,
        Self::RunRead,
        Self::RunStart,
        Self::FailureRead,
        Self::FailureRetry,
        Self::FailureEdit,
        Self::FailureSkip,
        Self::RecordRead,
        Self::DiagnosticsRead,
        Self::InternalsRead,
        Self::AuditRead,
        Self::RecordReveal,
        Self::SupportAccessManage,
        Self::IdentityProviderManage,
        Self::KillSwitchManage,
        Self::FailureGroupManage,
        Self::FailureGroupDismiss,
        Self::RunbookRead,
        Self::RunbookManage,
        Self::WordManage,
        Self::NoticeRead,
        Self::NoticeManage,
        Self::EscalationRead,
        Self::EscalationManage,
        Self::ContactRead,
        Self::ContactManage,
        Self::OwnershipRuleManage,
        Self::IncidentRead,
        Self::IncidentManage,
        Self::ExportManage,
        Self::FileUpload,
        Self::TenantViewAs,
    ];

    /// Its stable name, e.g. `failures:retry`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TenantRead => "tenants:read",
            Self::TenantManage => "tenants:manage",
            Self::StaffManage => "staff:manage",
            Self::UserRead => "users:read",
            Self::UserManage => "users:manage",
            Self::ApiKeyManage => "api_keys:manage",
            Self::PortalSessionCreate => "portal_sessions:create",
            Self::SystemRead => "systems:read",
            Self::SystemWrite => "systems:write",
            Self::SystemTest => "systems:test",
            Self::IntegrationRead => "integrations:read",
            Self::IntegrationWrite => "integrations:write",
            Self::IntegrationOperate => "integrations:operate",
            Self::RunRead => "runs:read",
            Self::RunStart => "runs:start",
            Self::FailureRead => "failures:read",
            Self::FailureRetry => "failures:retry",
            Self::FailureEdit => "failures:edit",
            Self::FailureSkip => "failures:skip",
            Self::RecordRead => "records:read",
            Self::DiagnosticsRead => "diagnostics:read",
            Self::InternalsRead => "internals:read",
            Self::AuditRead => "audit:read",
            Self::RecordReveal => "records:reveal",
            Self::SupportAccessManage => "support_access:manage",
            Self::IdentityProviderManage => "identity_providers:manage",
            Self::KillSwitchManage => "kill_switches:manage",
            Self::FailureGroupManage => "failure_groups:manage",
            Self::FailureGroupDismiss => "failure_groups:dismiss",
            Self::RunbookRead => "runbooks:read",
            Self::RunbookManage => "runbooks:manage",
            Self::WordManage => "words:manage",
            Self::NoticeRead => "notices:read",
            Self::NoticeManage => "notices:manage",
            Self::EscalationRead => "escalations:read",
            Self::EscalationManage => "escalations:manage",
            Self::ContactRead => "contacts:read",
            Self::ContactManage => "contacts:manage",
            Self::OwnershipRuleManage => "ownership_rules:manage",
            Self::IncidentRead => "incidents:read",
            Self::IncidentManage => "incidents:manage",
            Self::ExportManage => "exports:manage",
            Self::FileUpload => "files:upload",
            Self::TenantViewAs => "tenants:view_as",
        }
    }

    /// The permission of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    /// True when it changes something. Tenant-side people of a suspended tenant read only.
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Self::TenantRead
                | Self::UserRead
                | Self::SystemRead
                | Self::IntegrationRead
                | Self::RunRead
                | Self::FailureRead
                | Self::RecordRead
                | Self::DiagnosticsRead
                | Self::InternalsRead
                | Self::AuditRead
                | Self::RunbookRead
                | Self::NoticeRead
                | Self::EscalationRead
                | Self::ContactRead
                | Self::IncidentRead
        )
    }

    /// Whether a role has it: always, only if the key or session was given it as a scope, or never.
    pub fn of(self, role: Role) -> Grant {
        use Grant::{Always, Never, Scope};
        // Columns: PLATFORM_ADMIN, ENGINEER, SUPPORT, TENANT_ADMIN, TENANT_MEMBER, TENANT_VIEWER, PARTNER, PORTAL.
        let row = match self {
            Self::TenantRead => [Always, Always, Always, Always, Always, Always, Always, Always],
            Self::TenantManage => [Always, Never, Never, Never, Never, Never, Never, Never],
            Self::StaffManage => [Always, Never, Never, Never, Never, Never, Never, Never],
            Self::UserRead => [Always, Always, Always, Always, Always, Always, Never, Never],
            Self::UserManage => [Always, Never, Never, Always, Never, Never, Never, Never],
            Self::ApiKeyManage => [Always, Never, Never, Always, Never, Never, Never, Never],
            Self::PortalSessionCreate => [Always, Never, Never, Always, Never, Never, Scope, Never],
            Self::SystemRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::SystemWrite => [Always, Always, Never, Always, Never, Never, Scope, Never],
            Self::SystemTest => [Always, Always, Always, Always, Never, Never, Scope, Never],
            Self::IntegrationRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::IntegrationWrite => [Always, Always, Never, Always, Never, Never, Scope, Never],
            Self::IntegrationOperate => [Always, Always, Always, Always, Always, Never, Scope, Never],
            Self::RunRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::RunStart => [Always, Always, Always, Always, Always, Never, Scope, Scope],
            Self::FailureRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::FailureRetry => [Always, Always, Always, Always, Always, Never, Scope, Scope],
            Self::FailureEdit => [Never, Never, Never, Always, Always, Never, Scope, Never],
            Self::FailureSkip => [Always, Always, Always, Always, Always, Never, Scope, Never],
            Self::RecordRead => [Never, Never, Never, Always, Always, Never, Scope, Never],
            Self::DiagnosticsRead => [Always, Always, Always, Never, Never, Never, Never, Never],
            Self::InternalsRead => [Always, Always, Never, Never, Never, Never, Never, Never],
            Self::AuditRead => [Always, Never, Never, Always, Never, Never, Never, Never],
            Self::RecordReveal => [Always, Always, Always, Never, Never, Never, Never, Never],
            Self::SupportAccessManage => [Never, Never, Never, Always, Never, Never, Never, Never],
            Self::IdentityProviderManage => [Always, Never, Never, Always, Never, Never, Never, Never],
            Self::KillSwitchManage => [Always, Always, Never, Always, Never, Never, Never, Never],
            Self::FailureGroupManage => [Always, Always, Always, Always, Always, Never, Scope, Scope],
            Self::FailureGroupDismiss => [Always, Always, Always, Always, Always, Never, Scope, Never],
            Self::RunbookRead => [Always, Always, Always, Never, Never, Never, Never, Never],
            Self::RunbookManage => [Always, Always, Never, Never, Never, Never, Never, Never],
            Self::WordManage => [Always, Never, Never, Never, Never, Never, Never, Never],
            Self::NoticeRead => [Always, Always, Always, Always, Always, Never, Scope, Never],
            Self::NoticeManage => [Always, Always, Never, Always, Never, Never, Scope, Never],
            Self::EscalationRead => [Always, Always, Always, Never, Never, Never, Never, Never],
            Self::EscalationManage => [Always, Always, Never, Never, Never, Never, Never, Never],
            Self::ContactRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::ContactManage => [Always, Always, Never, Always, Never, Never, Scope, Never],
            Self::OwnershipRuleManage => [Always, Always, Never, Always, Never, Never, Never, Never],
            Self::IncidentRead => [Always, Always, Always, Always, Always, Always, Scope, Scope],
            Self::IncidentManage => [Always, Always, Always, Never, Never, Never, Never, Never],
            Self::ExportManage => [Always, Always, Always, Always, Always, Never, Scope, Never],
            Self::FileUpload => [Always, Always, Never, Always, Always, Never, Scope, Scope],
            Self::TenantViewAs => [Always, Always, Always, Never, Never, Never, Never, Never],
        };
        match role {
            Role::PlatformAdmin => row[0],
            Role::Engineer => row[1],
            Role::Support => row[2],
            Role::TenantAdmin => row[3],
            Role::TenantMember => row[4],
            Role::TenantViewer => row[5],
            Role::Partner => row[6],
            Role::Portal => row[7],
        }
    }

    /// What a scope brings along: who may retry failures must see them, and what they belong to.
    pub fn implies(self) -> &'static [Self] {
        match self {
            Self::SystemWrite | Self::SystemTest => &[Self::SystemRead],
            Self::IntegrationWrite | Self::FileUpload => &[Self::IntegrationRead, Self::SystemRead],
            Self::IntegrationOperate | Self::RunRead => &[Self::IntegrationRead],
            Self::RunStart => &[Self::RunRead, Self::IntegrationRead],
            Self::FailureRead => &[Self::RunRead, Self::IntegrationRead],
            Self::FailureRetry | Self::FailureSkip | Self::FailureGroupManage | Self::RecordRead => {
                &[Self::FailureRead, Self::RunRead, Self::IntegrationRead]
            }
            Self::FailureGroupDismiss => {
                &[Self::FailureGroupManage, Self::FailureRead, Self::RunRead, Self::IntegrationRead]
            }
            Self::NoticeManage => &[Self::NoticeRead],
            Self::EscalationManage => &[Self::EscalationRead],
            Self::ContactManage => &[Self::ContactRead],
            Self::IncidentRead => &[Self::IntegrationRead],
            Self::FailureEdit => &[
                Self::RecordRead,
                Self::FailureRetry,
                Self::FailureRead,
                Self::RunRead,
                Self::IntegrationRead,
            ],
            _ => &[],
        }
    }

    /// The roles that have it, for the SDL: `PLATFORM_ADMIN, ENGINEER; PARTNER with scope`.
    pub fn roles(self) -> impl Iterator<Item = (Role, Grant)> {
        ROLES.into_iter().map(move |role| (role, self.of(role)))
    }
}

/// Every role, in the order of the table.
pub const ROLES: [Role; 8] = [
    Role::PlatformAdmin,
    Role::Engineer,
    Role::Support,
    Role::TenantAdmin,
    Role::TenantMember,
    Role::TenantViewer,
    Role::Partner,
    Role::Portal,
];

/// How a role has a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// By the role alone.
    Always,
    /// If the key or session was given it.
    Scope,
    /// Not at all.
    Never,
}

/// Permissions of one caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// What a role has, with these scopes where the table asks for one.
    pub fn of(role: Role, scopes: &[Permission]) -> Self {
        let mut scoped = Self::default();
        for scope in scopes {
            scoped.insert(*scope);
            scope.implies().iter().for_each(|implied| scoped.insert(*implied));
        }
        let mut set = Self::default();
        for permission in Permission::ALL {
            match permission.of(role) {
                Grant::Always => set.insert(permission),
                Grant::Scope if scoped.contains(permission) => set.insert(permission),
                Grant::Scope | Grant::Never => {}
            }
        }
        set
    }

    fn insert(&mut self, permission: Permission) {
        self.0 |= 1 << permission as u64;
    }

    /// The same without one.
    pub(crate) fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u64))
    }

    /// Whether it is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// What is in the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

/// True for staff of the operator.
pub fn is_staff(role: Role) -> bool {
    matches!(role, Role::PlatformAdmin | Role::Engineer | Role::Support)
}

/// The layer of information that a role reads.
pub fn audience(role: Role) -> Audience {
    match role {
        Role::PlatformAdmin | Role::Engineer => Audience::Engineer,
        Role::Support => Audience::Support,
        Role::TenantAdmin | Role::TenantMember | Role::TenantViewer | Role::Partner | Role::Portal => {
            Audience::Customer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grant, Permission, PermissionSet, ROLES};
    use entity::user::Role;

    #[test]
    fn all_are_in_their_order_and_names_parse_back() {
        for (index, permission) in Permission::ALL.into_iter().enumerate() {
            assert_eq!(Permission::parse(permission.name()), Some(permission));
            assert_eq!(permission as usize, index, "{permission:?}");
        }
        assert_eq!(Permission::ALL.len(), 44);
    }

    #[test]
    fn scopes_give_nothing_that_the_table_refuses() {
        for role in ROLES {
            let all = PermissionSet::of(role, &Permission::ALL);
            for permission in Permission::ALL {
                assert_eq!(
                    all.contains(permission),
                    permission.of(role) != Grant::Never,
                    "{role:?} {permission:?}"
                );
            }
        }
        let none = PermissionSet::of(Role::Partner, &[]);
        assert_eq!(none.iter().collect::<Vec<_>>(), [Permission::TenantRead]);
    }
}
