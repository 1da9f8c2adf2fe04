//! Credentials that are references: they name a secret of a store of the operator, and are fetched when they are used.
//! Each tenant has a place of its own in a store, which its references can't leave.

use connector::{SecretStores, StoreKind, SystemError, SystemErrorKind};
use secrecy::SecretString;
use serde_json::Value;

use crate::error::Problem;
use crate::json as input;

/// Stands for the tenant's slug in the place of a store.
const TENANT: &str = "{tenant}";
/// Longest name of a secret below its tenant's place, in characters.
const NAME_CHARS_MAX: usize = 200;

/// The stores of an installation, and where in them each tenant's secrets are.
#[derive(Default)]
pub struct References {
    stores: SecretStores,
    vault_place: String,
    aws_place: String,
}

/// A place must say which tenant it is of.
#[derive(Debug, thiserror::Error)]
#[error(
    "must contain `{TENANT}` once, as a part of its own, like `trestle/{TENANT}/`: no tenant may read another's secrets"
)]
pub struct PlaceError;

/// A secret of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    store: StoreKind,
    name: String,
}

impl References {
    /// With these stores, and the place in each, where `{tenant}` stands for the tenant's slug.
    ///
    /// # Errors
    /// When a place does not name the tenant.
    pub fn new(stores: SecretStores, vault_place: &str, aws_place: &str) -> Result<Self, PlaceError> {
        Ok(Self { stores, vault_place: check_place(vault_place)?, aws_place: check_place(aws_place)? })
    }

    /// Where a tenant's secret is.
    fn name(&self, reference: &Reference, tenant_slug: &str) -> String {
        let place = match reference.store {
            StoreKind::Vault => &self.vault_place,
            StoreKind::Aws => &self.aws_place,
        };
        format!("{}{}", place.replace(TENANT, tenant_slug), reference.name)
    }

    /// What a reference of this tenant refers to: a JSON object, as text.
    pub(super) async fn fetch(
        &self,
        reference: &Reference,
        tenant_slug: &str,
    ) -> Result<SecretString, SystemError> {
        // It was checked when it was stored; what names the place of another tenant is never sent.
        if name_problem(&reference.name).is_some() {
            return Err(SystemError::new(SystemErrorKind::Internal, "a stored reference can't be used"));
        }
        self.stores.fetch(reference.store, &self.name(reference, tenant_slug)).await
    }

    /// What is wrong with credentials that are a reference, for the caller to mend; nothing of other credentials.
    pub(super) fn problems(&self, credentials: &Value) -> Option<Vec<Problem>> {
        let path = || vec!["credentials".to_owned()];
        let reference = match Reference::parse(credentials)? {
            Ok(reference) => reference,
            Err(message) => return Some(vec![Problem::invalid(path(), message)]),
        };
        let mut found = input::problems(&path(), credentials, super::CREDENTIALS_BYTES_MAX);
        if !self.stores.has(reference.store) {
            let name = reference.store_name();
            found.push(Problem::invalid(
                path(),
                format!("refers to {name}, which this installation does not use"),
            ));
        }
        if let Some(problem) = name_problem(&reference.name) {
            found.push(Problem::invalid(path(), problem));
        }
        Some(found)
    }
}

impl Reference {
    /// A reference, if these credentials are one: `{"$vault": {"path": "shop"}}`, `{"$aws": {"name": "shop"}}`. No
    /// connector's credentials begin with a dollar sign.
    pub(super) fn parse(credentials: &Value) -> Option<Result<Self, &'static str>> {
        let fields = credentials.as_object()?;
        let (key, value) = fields.iter().find(|(key, _value)| key.starts_with('$'))?;
        let (store, property) = match key.as_str() {
            "$vault" => (StoreKind::Vault, "path"),
            "$aws" => (StoreKind::Aws, "name"),
            _ => return Some(Err("refers to an unknown store; there are `$vault` and `$aws`")),
        };
        let name = value
            .as_object()
            .filter(|inner| inner.len() == 1)
            .and_then(|inner| inner.get(property)?.as_str());
        Some(match name {
            Some(name) if fields.len() == 1 => Ok(Self { store, name: name.to_owned() }),
            _ => Err("must be nothing but {\"$vault\": {\"path\": \"…\"}} or {\"$aws\": {\"name\": \"…\"}}"),
        })
    }

    fn store_name(&self) -> &'static str {
        match self.store {
            StoreKind::Vault => "HashiCorp Vault",
            StoreKind::Aws => "AWS Secrets Manager",
        }
    }
}

/// Whether credentials are a reference, or were meant to be one.
pub(super) fn is_reference(credentials: &Value) -> bool {
    Reference::parse(credentials).is_some()
}

fn check_place(place: &str) -> Result<String, PlaceError> {
    let parts: Vec<&str> = place.split('/').collect();
    let whole = parts.iter().filter(|part| **part == TENANT).count();
    // With a slash behind it, one slug can't be the beginning of another.
    let ends_it = parts.last() == Some(&"");
    let is_clean = parts[..parts.len() - 1].iter().all(|part| *part == TENANT || is_part(part));
    if whole == 1 && ends_it && is_clean { Ok(place.to_owned()) } else { Err(PlaceError) }
}

/// What is wrong with the name of a secret below its tenant's place.
fn name_problem(name: &str) -> Option<&'static str> {
    let is_good = name.chars().count() <= NAME_CHARS_MAX && name.split('/').all(is_part);
    (!is_good).then_some(
        "names a secret in a way that is not taken: up to 200 characters, letters, digits, `_`, `-` and `.`, in parts \
         with `/` between them, none of which is `.` or `..`",
    )
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.chars().any(|char| char != '.')
        && part.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use connector::{SecretStores, StoreKind};
    use serde_json::json;

    use super::{Reference, References, check_place, name_problem};

    #[test]
    fn a_place_names_its_tenant_as_a_part_of_its_own() {
        for good in ["trestle/{tenant}/", "{tenant}/", "a/b-c/{tenant}/d/"] {
            assert!(check_place(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "trestle/",
            "{tenant}",
            "trestle/{tenant}",
            "x-{tenant}/",
            "{tenant}/{tenant}/",
            "/{tenant}/",
            "../{tenant}/",
            "a//{tenant}/",
            "a b/{tenant}/",
        ] {
            assert!(check_place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_stays_in_the_place_of_its_tenant() {
        for good in ["shop", "shop/db", "a.b_c-D/1", "..a"] {
            assert_eq!(name_problem(good), None, "{good}");
        }
        let long = "x".repeat(201);
        for bad in [
            "",
            "/",
            "/shop",
            "shop/",
            "a//b",
            ".",
            "..",
            "../other/shop",
            "a/../../other",
            "a/..",
            "a/./b",
            "...",
            "a%2fb",
            "a\\b",
            "a b",
            "a?version=1",
            "a#b",
            "a:b",
            "ä",
            "a\nb",
            "a\0b",
            "*",
            long.as_str(),
        ] {
            assert!(name_problem(bad).is_some(), "{bad:?}");
        }
        let references = References::new(SecretStores::default(), "trestle/{tenant}/", "prod/{tenant}/")
            .expect("good places");
        for (store, name) in [(StoreKind::Vault, "trestle/acme/shop"), (StoreKind::Aws, "prod/acme/shop")] {
            assert_eq!(references.name(&Reference { store, name: "shop".to_owned() }, "acme"), name);
        }
    }

    #[test]
    fn credentials_are_a_reference_or_not() {
        for other in [json!({}), json!({"token": "$vault"}), json!(null), json!("$vault"), json!(["$vault"])]
        {
            assert_eq!(Reference::parse(&other), None, "{other}");
        }
        let vault = Reference { store: StoreKind::Vault, name: "shop".to_owned() };
        assert_eq!(Reference::parse(&json!({"$vault": {"path": "shop"}})), Some(Ok(vault)));
        let aws = Reference { store: StoreKind::Aws, name: "shop".to_owned() };
        assert_eq!(Reference::parse(&json!({"$aws": {"name": "shop"}})), Some(Ok(aws)));
        for wrong in [
            json!({"$vault": "shop"}),
            json!({"$vault": {"path": 1}}),
            json!({"$vault": {"path": "shop", "mount": "sys"}}),
            json!({"$vault": {"name": "shop"}}),
            json!({"$vault": {"path": "shop"}, "token": "t"}),
            json!({"$vault": {"path": "shop"}, "$aws": {"name": "shop"}}),
            json!({"$file": {"path": "/etc/passwd"}}),
        ] {
            assert!(matches!(Reference::parse(&wrong), Some(Err(_))), "{wrong}");
        }
    }

    #[test]
    fn a_store_that_is_not_there_is_no_place_to_refer_to() {
        let references = References::new(SecretStores::default(), "trestle/{tenant}/", "trestle/{tenant}/")
            .expect("good places");
        let problems = references.problems(&json!({"$vault": {"path": "../x"}})).expect("it is a reference");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(references.problems(&json!({"token": "t"})), None);
    }
}
