//! Who may do what, written out by hand from the product's own tables of roles: a second opinion beside
//! `domain::Permission`, from which nothing here is taken.

use std::fmt;

/// What a role may do: `yes`, with a `scope` of that name, or not at all.
const TABLE: &str = "
                        PLATFORM_ADMIN ENGINEER SUPPORT TENANT_ADMIN TENANT_MEMBER TENANT_VIEWER PARTNER PORTAL
tenants:read            yes            yes      yes     yes          yes           yes           yes     yes
tenants:manage          yes            -        -       -            -             -             -       -
staff:manage            yes            -        -       -            -             -             -       -
users:read              yes            yes      yes     yes          yes           yes           -       -
users:manage            yes            -        -       yes          -             -             -       -
api_keys:manage         yes            -        -       yes          -             -             -       -
portal_sessions:create  yes            -        -       yes          -             -             scope   -
systems:read            yes            yes      yes     yes          yes           yes           scope   scope
systems:write           yes            yes      -       yes          -             -             scope   -
systems:test            yes            yes      yes     yes          -             -             scope   -
integrations:read       yes            yes      yes     yes          yes           yes           scope   scope
integrations:write      yes            yes      -       yes          -             -             scope   -
integrations:operate    yes            yes      yes     yes          yes           -             scope   -
runs:read               yes            yes      yes     yes          yes           yes           scope   scope
runs:start              yes            yes      yes     yes          yes           -             scope   scope
failures:read           yes            yes      yes     yes          yes           yes           scope   scope
failures:retry          yes            yes      yes     yes          yes           -             scope   scope
failures:edit           -              -        -       yes          yes           -             scope   -
failures:skip           yes            yes      yes     yes          yes           -             scope   -
records:read            -              -        -       yes          yes           -             scope   -
diagnostics:read        yes            yes      yes     -            -             -             -       -
internals:read          yes            yes      -       -            -             -             -       -
audit:read              yes            -        -       yes          -             -             -       -
records:reveal          yes            yes      yes     -            -             -             -       -
support_access:manage   -              -        -       yes          -             -             -       -
identity_providers:manage yes          -        -       yes          -             -             -       -
kill_switches:manage    yes            yes      -       yes          -             -             -       -
failure_groups:manage   yes            yes      yes     yes          yes           -             scope   scope
failure_groups:dismiss  yes            yes      yes     yes          yes           -             scope   -
runbooks:read           yes            yes      yes     -            -             -             -       -
runbooks:manage         yes            yes      -       -            -             -             -       -
words:manage            yes            -        -       -            -             -             -       -
notices:read            yes            yes      yes     yes          yes           -             scope   -
notices:manage          yes            yes      -       yes          -             -             scope   -
escalations:read        yes            yes      yes     -            -             -             -       -
escalations:manage      yes            yes      -       -            -             -             -       -
contacts:read           yes            yes      yes     yes          yes           yes           scope   scope
contacts:manage         yes            yes      -       yes          -             -             scope   -
ownership_rules:manage  yes            yes      -       yes          -             -             -       -
incidents:read          yes            yes      yes     yes          yes           yes           scope   scope
incidents:manage        yes            yes      yes     -            -             -             -       -
exports:manage          yes            yes      yes     yes          yes           -             scope   -
files:upload            yes            yes      -       yes          yes           -             scope   scope
tenants:view_as         yes            yes      yes     -            -             -             -       -
";

/// The layers of information, lowest first, and who reads up to which.
const AUDIENCES: [(&str, &[&str]); 3] = [
    ("CUSTOMER", &["TENANT_ADMIN", "TENANT_MEMBER", "TENANT_VIEWER", "PARTNER", "PORTAL"]),
    ("SUPPORT", &["SUPPORT"]),
    ("ENGINEER", &["PLATFORM_ADMIN", "ENGINEER"]),
];

/// What an answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, or shown.
    Allowed,
    /// `FORBIDDEN`.
    Forbidden,
    /// As if there were no such thing.
    NotFound,
    /// `UNAUTHENTICATED`.
    SignIn,
    /// Null, with everything else of the object there.
    Redacted,
    /// Whoever asks has nothing that this could be done to.
    Pointless,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Allowed => "yes",
            Self::Forbidden => "no",
            Self::NotFound => "404",
            Self::SignIn => "401",
            Self::Redacted => "null",
            Self::Pointless => "n/a",
        })
    }
}

/// Where a caller belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// To the operator: every tenant.
    Operator,
    /// To the tenant whose things are asked for.
    Same,
    /// To another tenant.
    Other,
    /// Nowhere.
    Nowhere,
}

/// One kind of caller.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Heading of its column.
    pub label: &'static str,
    /// Empty for nobody.
    pub role: &'static str,
    /// Where it belongs.
    pub home: Home,
    /// What its key or session was given.
    pub scopes: Vec<&'static str>,
}

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Nothing.
    Anyone,
    /// To be signed in.
    SignedIn,
    /// To be signed in by a session, not by a key.
    Session,
    /// To be a person who is signed in; it is about their own.
    Person,
    /// A permission; the object's tenant must be the caller's.
    Needs(&'static str),
    /// A permission; there is no object.
    Everywhere(&'static str),
    /// `users:manage`, and `staff:manage` on top of it; what those get who have only the first.
    Staff(Outcome),
    /// `runs:read`, and an audience.
    Audience(&'static str),
}

impl Kind {
    /// Whether the table gives it this permission.
    pub fn may(&self, permission: &str) -> bool {
        match grant(permission, self.role) {
            "yes" => true,
            "scope" => {
                self.scopes.iter().any(|scope| *scope == permission || brings(scope).contains(&permission))
            }
            _ => false,
        }
    }

    /// All that the table gives it, in the table's order.
    pub fn permissions(&self) -> Vec<&'static str> {
        permissions().filter(|permission| self.may(permission)).collect()
    }

    /// The layer of information that it reads.
    pub fn audience(&self) -> &'static str {
        let found = AUDIENCES.iter().find(|(_, roles)| roles.contains(&self.role));
        found.map_or("", |(audience, _)| audience)
    }

    /// Whether it reads what is for this audience.
    pub fn reads(&self, audience: &str) -> bool {
        let level = |name: &str| AUDIENCES.iter().position(|(audience, _)| *audience == name);
        level(self.audience()) >= level(audience)
    }

    /// What the rule gives it.
    pub fn expected(&self, rule: Rule) -> Outcome {
        if self.role.is_empty() {
            return if matches!(rule, Rule::Anyone) { Outcome::Allowed } else { Outcome::SignIn };
        }
        let needs = |permission: &str| match (self.may(permission), self.home) {
            (false, _) => Outcome::Forbidden,
            (true, Home::Other) => Outcome::NotFound,
            (true, _) => Outcome::Allowed,
        };
        match rule {
            Rule::Anyone | Rule::SignedIn => Outcome::Allowed,
            Rule::Session if self.role == "PARTNER" => Outcome::Pointless,
            Rule::Session => Outcome::Allowed,
            Rule::Person if matches!(self.role, "PARTNER" | "PORTAL") => Outcome::Forbidden,
            Rule::Person => Outcome::Allowed,
            Rule::Needs(permission) => needs(permission),
            Rule::Everywhere(permission) if self.may(permission) => Outcome::Allowed,
            Rule::Everywhere(_) => Outcome::Forbidden,
            Rule::Staff(_) if self.may("staff:manage") => Outcome::Allowed,
            Rule::Staff(otherwise) if self.may("users:manage") => otherwise,
            Rule::Staff(_) => Outcome::Forbidden,
            Rule::Audience(audience) => match needs("runs:read") {
                Outcome::Allowed if !self.reads(audience) => Outcome::NotFound,
                outcome => outcome,
            },
        }
    }
}

/// Every kind of caller, in the order of the columns.
pub fn kinds() -> Vec<Kind> {
    let kind =
        |label, role, home, scopes: &[&'static str]| Kind { label, role, home, scopes: scopes.to_vec() };
    let (partner, portal) = (scopes_of("PARTNER"), scopes_of("PORTAL"));
    vec![
        kind("admin", "PLATFORM_ADMIN", Home::Operator, &[]),
        kind("engineer", "ENGINEER", Home::Operator, &[]),
        kind("support", "SUPPORT", Home::Operator, &[]),
        kind("t-admin", "TENANT_ADMIN", Home::Same, &[]),
        kind("t-member", "TENANT_MEMBER", Home::Same, &[]),
        kind("t-viewer", "TENANT_VIEWER", Home::Same, &[]),
        kind("partner", "PARTNER", Home::Same, &partner),
        kind("p-some", "PARTNER", Home::Same, &["runs:read"]),
        kind("p-none", "PARTNER", Home::Same, &[]),
        kind("portal", "PORTAL", Home::Same, &portal),
        kind("x-admin", "TENANT_ADMIN", Home::Other, &[]),
        kind("x-member", "TENANT_MEMBER", Home::Other, &[]),
        kind("x-viewer", "TENANT_VIEWER", Home::Other, &[]),
        kind("x-partner", "PARTNER", Home::Other, &partner),
        kind("x-p-none", "PARTNER", Home::Other, &[]),
        kind("x-portal", "PORTAL", Home::Other, &portal),
        kind("nobody", "", Home::Nowhere, &[]),
    ]
}

/// What comes with a scope that is given alone here: nobody understands a run without its integration.
fn brings(scope: &str) -> &'static [&'static str] {
    if scope == "runs:read" { &["integrations:read"] } else { &[] }
}

/// What a key or session of the role can be given.
pub fn scopes_of(role: &str) -> Vec<&'static str> {
    permissions().filter(|permission| grant(permission, role) == "scope").collect()
}

fn permissions() -> impl Iterator<Item = &'static str> {
    rows().skip(1).map(|row| row[0])
}

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|row| !row.is_empty())
}

fn grant(permission: &str, role: &str) -> &'static str {
    let header = rows().next().expect("the table has a heading");
    let Some(column) = header.iter().position(|name| *name == role) else { return "-" };
    let row = rows().skip(1).find(|row| row[0] == permission);
    row.unwrap_or_else(|| panic!("the table has no permission {permission}"))[column + 1]
}
