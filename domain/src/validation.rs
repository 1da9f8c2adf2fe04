//! Checks of input that several operations share. They collect: a caller hears of every problem at once.

use uuid::Uuid;

use crate::error::{Error, Problem, ProblemCode, Result};
use crate::permission::Permission;

/// Longest name of a person, key or tenant, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest mail address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the @, in bytes (RFC 5321, section 4.5.3.1.1).
const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// Problems of one input.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes one.
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Notes one at a field.
    pub(crate) fn add(&mut self, code: ProblemCode, field: &str, message: impl Into<String>) {
        self.push(Problem::new(code, [field], message));
    }

    /// Notes one at an element of a list.
    pub(crate) fn add_at(
        &mut self,
        code: ProblemCode,
        field: &str,
        index: usize,
        message: impl Into<String>,
    ) {
        self.push(Problem::new(code, [field.to_owned(), index.to_string()], message));
    }

    /// Whether none was noted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Goes on if none was noted.
    pub(crate) fn check(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Rejected(self.0)) }
    }

    /// One line of text: trimmed, not empty, without control characters.
    pub(crate) fn text(&mut self, field: &str, value: &str, chars_max: usize) -> String {
        let value = value.trim();
        let chars = value.chars().count();
        if chars == 0 {
            self.add(ProblemCode::Required, field, "must not be empty");
        } else if chars > chars_max {
            self.add(
                ProblemCode::TooLong,
                field,
                format!("has {chars} characters; at most {chars_max} are allowed"),
            );
        } else if value.chars().any(char::is_control) {
            self.add(ProblemCode::Invalid, field, "must be one line without control characters");
        }
        value.to_owned()
    }

    /// A mail address: trimmed, lower case. Only its shape is checked.
    pub(crate) fn email(&mut self, value: &str) -> String {
        let email = normal_email(value);
        if email.is_empty() {
            self.add(ProblemCode::Required, "email", "must not be empty");
        } else if email.len() > EMAIL_BYTES_MAX {
            self.add(
                ProblemCode::TooLong,
                "email",
                format!("has {} bytes; at most {EMAIL_BYTES_MAX} are allowed", email.len()),
            );
        } else if !is_email(&email) {
            self.add(
                ProblemCode::Invalid,
                "email",
                "is not a mail address; it should look like ada@example.com",
            );
        }
        email
    }

    /// Permission names at `scopes`, once each, in the order of the table.
    pub(crate) fn scopes(
        &mut self,
        names: &[String],
        mut may_have: impl FnMut(Permission) -> std::result::Result<(), String>,
    ) -> Vec<Permission> {
        let mut scopes = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match Permission::parse(name) {
                None => {
                    let message = "is not the name of a permission, e.g. `runs:read`";
                    self.add_at(ProblemCode::Invalid, "scopes", index, message);
                }
                Some(permission) => match may_have(permission) {
                    Ok(()) => scopes.push(permission),
                    Err(message) => self.add_at(ProblemCode::Invalid, "scopes", index, message),
                },
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Ids of a list that are not among those found.
    pub(crate) fn missing(&mut self, field: &str, asked: &[Uuid], found: impl Fn(Uuid) -> bool, what: &str) {
        for (index, _id) in asked.iter().enumerate().filter(|(_index, id)| !found(**id)) {
            self.add_at(ProblemCode::NotFound, field, index, format!("no {what} has this id"));
        }
    }
}

/// The one spelling under which a mail address is kept and looked up.
pub(crate) fn normal_email(value: &str) -> String {
    value.trim().to_lowercase()
}

/// Whether a text in its normal spelling has the shape of a mail address.
pub(crate) fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|char| char.is_alphanumeric() || char == '-')
    };
    let plain = |char: char| !char.is_whitespace() && !char.is_control() && !"@<>()[],;:\\\"".contains(char);
    email.len() <= EMAIL_BYTES_MAX
        && (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::{Problems, is_email};
    use crate::error::ProblemCode;

    #[test]
    fn mail_addresses_are_checked_by_shape() {
        for good in
            ["a@b", "ada@example.com", "ada.l+x@mail.example.co.uk", "jürgen@müller.de", "o'neil@example.ie"]
        {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "", "a", "@", "a@", "@b", "a@b@c", "a b@c.de", "a@b..c", "a@-b.c", ".a@b.c", "a..b@c.d",
            "a@b.c.", "<a@b.c>",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        let mut problems = Problems::default();
        assert_eq!(problems.email("  Ada@Example.COM "), "ada@example.com");
        assert!(problems.is_empty());
        problems.email(&format!("{}@example.com", "a".repeat(300)));
        assert_eq!(problems.0[0].code, ProblemCode::TooLong);
    }

    #[test]
    fn text_is_one_trimmed_line() {
        let mut problems = Problems::default();
        assert_eq!(problems.text("name", " Ada ", 3), "Ada");
        assert!(problems.is_empty());
        for (value, code) in
            [(" ", ProblemCode::Required), ("abcd", ProblemCode::TooLong), ("a\nb", ProblemCode::Invalid)]
        {
            let mut problems = Problems::default();
            problems.text("name", value, 3);
            assert_eq!(problems.0[0].code, code);
        }
    }
}
