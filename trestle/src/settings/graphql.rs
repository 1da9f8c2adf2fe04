//! What of GraphQL is answered, and to whom: documents, introspection, GraphiQL.

use api::Introspection;
use api::http::{DocumentOptions, TrustedDocuments};

use super::value::switch;
use super::{WrongSetting, wrong};

pub(super) fn introspection(text: Option<String>) -> Result<Introspection, WrongSetting> {
    match text.as_deref() {
        None | Some("everyone") => Ok(Introspection::Everyone),
        Some("signed-in") => Ok(Introspection::SignedIn),
        Some("staff") => Ok(Introspection::Staff),
        Some("off") => Ok(Introspection::Off),
        Some(other) => {
            let problem = format!("`{other}` is none of `everyone`, `signed-in`, `staff` and `off`");
            Err(wrong("TRESTLE_INTROSPECTION", problem))
        }
    }
}

/// The manifest that `path` names, and whether its documents alone are answered.
pub(super) fn documents(
    path: Option<String>,
    operations: Option<String>,
) -> Result<DocumentOptions, WrongSetting> {
    const NAME: &str = "TRESTLE_TRUSTED_DOCUMENTS";
    let only_trusted = match operations.as_deref() {
        None | Some("any") => false,
        Some("trusted") => true,
        Some(other) => {
            return Err(wrong("TRESTLE_OPERATIONS", format!("`{other}` is neither `any` nor `trusted`")));
        }
    };
    let trusted = match path {
        None if only_trusted => {
            return Err(wrong(
                NAME,
                "is required with TRESTLE_OPERATIONS=trusted: the file with the documents",
            ));
        }
        None => TrustedDocuments::default(),
        Some(path) => {
            let json = std::fs::read_to_string(&path)
                .map_err(|error| wrong(NAME, format!("{path} can't be read: {error}")))?;
            TrustedDocuments::from_manifest(&json).map_err(|error| wrong(NAME, format!("{path} {error}")))?
        }
    };
    if only_trusted && trusted.is_empty() {
        return Err(wrong(NAME, "holds no document, so nothing would be answered"));
    }
    Ok(DocumentOptions { trusted, only_trusted })
}

/// Whether browsers get GraphiQL: not where what they write is not answered.
pub(super) fn graphiql(text: Option<String>, documents: &DocumentOptions) -> Result<bool, WrongSetting> {
    const NAME: &str = "TRESTLE_GRAPHIQL";
    match switch(NAME, text.as_deref())? {
        None => Ok(!documents.only_trusted),
        Some(true) if documents.only_trusted => {
            let problem =
                "can't be on with TRESTLE_OPERATIONS=trusted: what people write is no trusted document";
            Err(wrong(NAME, problem))
        }
        Some(is_on) => Ok(is_on),
    }
}
