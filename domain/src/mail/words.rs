//! The words of mails: plain text, short lines, no names that could carry a link of a stranger.

use super::{Letter, MailLinks, Notice};

/// Longest name that a mail repeats, in characters.
const NAME_CHARS_MAX: usize = 60;
/// What else than letters, digits and spaces a name keeps: nothing that makes a link or an address of it.
const NAME_MARKS: &str = "-'&,()";

/// Subject and text of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// One line of ASCII but for names.
    pub(crate) subject: String,
    /// Lines end in `\n`.
    pub(crate) body: String,
}

impl Words {
    /// Of a letter that is to go out.
    pub(crate) fn of(letter: &Letter, links: &MailLinks) -> Self {
        match letter {
            Letter::Invitation { name, inviter, tenant, token, .. } => {
                let (name, inviter) = (plain(name), plain(inviter));
                let place =
                    tenant.as_ref().map(|tenant| format!(" for {}", plain(tenant))).unwrap_or_default();
                let link = links.invitation.link(token);
                Self::new(
                    "You are invited to Trestle",
                    format!(
                        "Hello {name},\n\n{inviter} invites you to Trestle{place}.\n\n\
                         Choose a password here to come in. The link works once, for 7 days:\n\n{link}\n\n\
                         If you don't know what this is about, you need not do anything.\n"
                    ),
                )
            }
            Letter::PasswordReset { token, .. } => {
                let link = links.password_reset.link(token);
                Self::new(
                    "Choose a new password",
                    format!(
                        "Hello,\n\nsomebody, hopefully you, asked for a new password for this mail address.\n\n\
                         Choose it here. The link works once, for an hour:\n\n{link}\n\n\
                         If it was not you, you need not do anything: your password stays as it is.\n"
                    ),
                )
            }
            Letter::EmailConfirmation { token, .. } => {
                let link = links.email_confirmation.link(token);
                Self::new(
                    "Confirm your new mail address",
                    format!(
                        "Hello,\n\nsomebody, hopefully you, wants to sign in to Trestle with this mail address.\n\n\
                         Confirm it here. The link works once, for 24 hours:\n\n{link}\n\n\
                         If it was not you, you need not do anything.\n"
                    ),
                )
            }
            Letter::Notice { notice, .. } => Self::notice(notice),
        }
    }

    /// To whoever has an address that somebody else wants to have.
    pub(crate) fn address_taken() -> Self {
        Self::new(
            "Your mail address is in use already",
            "Hello,\n\nsomebody wants to use this mail address for their access to Trestle. You sign in with it \
             yourself, so nothing was changed.\n\nIf it was you: an address can belong to one access only.\n"
                .to_owned(),
        )
    }

    fn notice(notice: &Notice) -> Self {
        let (subject, what) = match notice {
            Notice::EmailChange { new_email } => (
                "Your mail address is to be changed",
                format!(
                    "somebody asked to sign in with another mail address in place of this one: {new_email}. It will be \
                     so when the new address is confirmed."
                ),
            ),
            Notice::PasswordReset => {
                ("You have a new password", "a new password was chosen by a link that we sent to you.".to_owned())
            }
            Notice::SecondFactorOn => (
                "Your second factor is on",
                "from now on signing in asks for a code of your authenticator app.".to_owned(),
            ),
            Notice::SecondFactorOff => {
                ("Your second factor is off", "signing in asks for your password only again.".to_owned())
            }
            Notice::SecondFactorReset => (
                "Your second factor was removed",
                "an administrator removed your second factor, and you were signed out. You can set up another one."
                    .to_owned(),
            ),
        };
        let body = format!(
            "Hello,\n\n{what}\n\nIf it was you, or you know of it, all is well. If not, change your password at once and \
             tell your administrator.\n"
        );
        Self::new(subject, body)
    }

    fn new(subject: &str, body: String) -> Self {
        Self { subject: subject.to_owned(), body }
    }
}

/// A name as a mail repeats it: whoever invites could else send links to strangers in our name.
fn plain(name: &str) -> String {
    let kept = |char: char| if char.is_alphanumeric() || NAME_MARKS.contains(char) { char } else { ' ' };
    let name: String = name.chars().take(NAME_CHARS_MAX).map(kept).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Words, plain};
    use crate::mail::{Letter, LinkTemplate, MailLinks, Notice};

    fn links() -> MailLinks {
        let link =
            |path: &str| LinkTemplate::parse(&format!("https://p.example/{path}={{token}}")).expect("a link");
        MailLinks { invitation: link("i"), password_reset: link("p"), email_confirmation: link("e") }
    }

    #[test]
    fn names_carry_no_links() {
        assert_eq!(plain("  Jürgen O'Neil-Smith (Acme & Co, Ltd) "), "Jürgen O'Neil-Smith (Acme & Co, Ltd)");
        assert_eq!(
            plain("Win at https://evil.example/x now!\r\nBcc: a@b.c"),
            "Win at https evil example x now Bcc a b c"
        );
        assert_eq!(plain(&"x".repeat(200)).len(), 60);
    }

    #[test]
    fn each_letter_has_its_link_and_its_words() {
        let letter = |token: &str| Letter::Invitation {
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            inviter: "Bob".to_owned(),
            tenant: Some("Acme www.evil.example".to_owned()),
            token: token.to_owned(),
        };
        let words = Words::of(&letter("tri_7"), &links());
        assert!(
            words.body.contains("Bob invites you to Trestle for Acme www evil example."),
            "{}",
            words.body
        );
        assert!(words.body.contains("\nhttps://p.example/i=tri_7\n"), "{}", words.body);
        let notice = Notice::EmailChange { new_email: "new@example.com".to_owned() };
        let words = Words::of(&Letter::Notice { email: "ada@example.com".to_owned(), notice }, &links());
        assert!(words.body.contains("new@example.com") && !words.body.contains("https://"), "{}", words.body);
    }
}
