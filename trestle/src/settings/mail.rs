//! The way to the mail server, and where the links of mails and notices lead: to the portal where there is one, and else to
//! GraphiQL.

use domain::mail::{LinkTemplate, MailLinks};
use worker::mail::Mailer;

use super::{WrongSetting, wrong};

/// Where people reach the API from outside, without a slash at its end.
pub(super) fn public_url(text: Option<String>) -> Result<Option<String>, WrongSetting> {
    match text.map(|url| url.trim_end_matches('/').to_owned()) {
        Some(url)
            if LinkTemplate::parse(&format!("{url}/{{token}}")).is_err() || url.contains(['?', '#']) =>
        {
            Err(wrong("TRESTLE_PUBLIC_URL", "is not a URL like https://trestle.example"))
        }
        url => Ok(url),
    }
}

/// Where notices lead, each for the id of what it is about.
pub(super) fn notice_link(
    page: Option<String>,
    public_url: Option<&str>,
    has_portal: bool,
) -> Result<Option<LinkTemplate>, WrongSetting> {
    let place = if has_portal { "open/" } else { "graphql#node=" };
    let page = page.or_else(|| public_url.map(|url| format!("{url}/{place}{{id}}")));
    let link = page.map(|page| LinkTemplate::parse(&page.replace("{id}", "{token}")));
    let problem = "must be one http:// or https:// URL with `{id}` in it, once";
    link.transpose().map_err(|_not_a_link| wrong("TRESTLE_NOTICE_URL", problem))
}

/// The mail server and where mails lead. Everything that is written is checked, also without a mail server.
pub(super) fn mail(
    url: Option<String>,
    from: Option<String>,
    public_url: Option<&str>,
    has_portal: bool,
    pages: [Option<String>; 3],
) -> Result<Option<(Mailer, MailLinks)>, WrongSetting> {
    let names = ["TRESTLE_INVITATION_URL", "TRESTLE_PASSWORD_RESET_URL", "TRESTLE_EMAIL_CONFIRMATION_URL"];
    // Behind a #, which browsers keep to themselves, so that no log of a server or proxy has the token.
    let places = if has_portal {
        ["accept-invitation#token", "reset-password#token", "confirm-email#token"]
    } else {
        ["graphql#acceptInvitation", "graphql#resetPassword", "graphql#confirmEmail"]
    };
    let from = match from {
        Some(text) => Some(Mailer::sender(&text).map_err(|_invalid| {
            wrong("TRESTLE_MAIL_FROM", "is not a sender like Trestle <trestle@example.com>")
        })?),
        None => None,
    };
    let mut links = Vec::with_capacity(names.len());
    for ((name, place), page) in names.into_iter().zip(places).zip(pages) {
        let default = public_url.map(|url| format!("{url}/{place}={{token}}"));
        let link = page.or(default).map(|link| LinkTemplate::parse(&link));
        links.push(link.transpose().map_err(|error| wrong(name, error.to_string()))?);
    }
    let Some(url) = url else { return Ok(None) };
    let Some(from) = from else {
        return Err(wrong("TRESTLE_MAIL_FROM", "is missing: a mail server is set"));
    };
    let mailer = Mailer::new(&url, from).map_err(|error| wrong("TRESTLE_SMTP_URL", error.to_string()))?;
    let [Some(invitation), Some(password_reset), Some(email_confirmation)] = links.as_slice() else {
        let problem = "is missing: a mail server is set, and its mails need links that lead here";
        return Err(wrong("TRESTLE_PUBLIC_URL", problem));
    };
    let links = MailLinks {
        invitation: invitation.clone(),
        password_reset: password_reset.clone(),
        email_confirmation: email_confirmation.clone(),
    };
    Ok(Some((mailer, links)))
}

#[cfg(test)]
mod tests {
    use domain::mail::LinkTemplate;

    use super::{mail, notice_link};

    #[test]
    fn links_lead_to_the_portal_where_there_is_one() {
        let url = "https://trestle.example";
        for (has_portal, expected) in [
            (
                true,
                [
                    "/accept-invitation#token={token}",
                    "/reset-password#token={token}",
                    "/confirm-email#token={token}",
                    "/open/{token}",
                ],
            ),
            (
                false,
                [
                    "/graphql#acceptInvitation={token}",
                    "/graphql#resetPassword={token}",
                    "/graphql#confirmEmail={token}",
                    "/graphql#node={token}",
                ],
            ),
        ] {
            let server = Some("smtp://mail.example?tls=none".to_owned());
            let sender = Some("Trestle <a@b.c>".to_owned());
            let made = mail(server, sender, Some(url), has_portal, [None, None, None]);
            let (_mailer, links) = made.expect("settings").expect("a mail server");
            let notice = notice_link(None, Some(url), has_portal).expect("a setting").expect("a link");
            let expected = expected.map(|page| LinkTemplate::parse(&format!("{url}{page}")).expect("a link"));
            assert_eq!(
                [links.invitation, links.password_reset, links.email_confirmation, notice],
                expected,
                "{has_portal}"
            );
        }
    }
}
