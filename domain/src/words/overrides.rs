//! Words of the error catalogue in the operator's own: set and removed by staff, read again by every process every few
//! seconds, so that no failure costs a query for them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::word_override;
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::message::Message;
use super::{Locale, SHIPPED, action_id, fitting, message_id};
use crate::actor::Actor;
use crate::app::App;
use crate::audit::{self, Entry};
use crate::catalogue;
use crate::error::{Doing, Error, ProblemCode, Result};
use crate::id::{GlobalId, Kind, lasting_id};
use crate::identity;
use crate::permission::{Audience, Permission};
use crate::validation::Problems;

/// Longest text, in characters: a summary is read in a list.
pub const TEXT_CHARS_MAX: usize = 500;
/// Rows that are read: more than there are messages to override.
const OVERRIDES_MAX: u64 = 10_000;

/// Which of the words of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordPart {
    /// What happened: the same for everybody.
    Summary,
    /// What somebody does about it.
    Action,
}

/// What names one word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WordKey {
    /// Of the error catalogue.
    pub code: String,
    /// Which of its words.
    pub part: WordPart,
    /// With [`WordPart::Action`]: for whom.
    pub audience: Option<Audience>,
    /// Tag of the language.
    pub locale: String,
}

/// A word of the error catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Of the error catalogue.
    pub code: &'static str,
    /// Which of its words.
    pub part: WordPart,
    /// For whom; `None` for what everybody reads.
    pub audience: Option<Audience>,
    /// In which language.
    pub locale: Locale,
    /// What is shipped, with placeables as `{ $name }`.
    pub shipped: String,
    /// What is said in its place; `None`, too, for an older text that does not fit what is shipped any more.
    pub overridden: Option<Overridden>,
}

/// What is said in place of what is shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overridden {
    /// With placeables as `{ $name }`.
    pub text: String,
    /// When it was set.
    pub set_at: DateTime<Utc>,
    /// Who set it.
    pub set_by: String,
}

/// Every word of the catalogue in a language, in its order: what is shipped, and what is said in its place.
///
/// # Errors
/// Denied without `words:manage`; [`Error::Argument`] for a language that there is not.
pub async fn list(actor: &Actor, locale: &str, code: Option<&str>) -> Result<Vec<Word>> {
    let scope = actor.authorize(Permission::WordManage)?;
    let locale =
        Locale::parse(locale).ok_or_else(|| Error::Argument { argument: "locale", message: unknown() })?;
    let rows = stored(scope.app(), Some(locale)).await?;
    let mut rows: HashMap<String, word_override::Model> =
        rows.into_iter().map(|row| (row.message.clone(), row)).collect();
    let mut words = Vec::new();
    for entry in catalogue::entries().iter().filter(|entry| code.is_none_or(|code| code == entry.code)) {
        let parts = [
            (WordPart::Summary, None),
            (WordPart::Action, Some(Audience::Customer)),
            (WordPart::Action, Some(Audience::Support)),
            (WordPart::Action, Some(Audience::Engineer)),
        ];
        words.extend(parts.map(|(part, audience)| {
            let id = id_of(entry.code, part, audience);
            word(entry.code, part, audience, locale, rows.remove(&id))
        }));
    }
    Ok(words)
}

/// Says something in the operator's own words. Every process does within seconds.
///
/// # Errors
/// Denied without `words:manage`. Rejected, all at once: `NOT_FOUND` code; `REQUIRED` audience with an action, `INVALID`
/// with a summary; `INVALID` locale; a bad text, and `INVALID` when it has other placeables than what is shipped.
pub async fn set_override(actor: &Actor, key: &WordKey, text: &str) -> Result<Word> {
    let scope = actor.authorize(Permission::WordManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let checked = check(key, &mut problems);
    let text = problems.text("text", text, TEXT_CHARS_MAX);
    if let Some((code, locale)) = checked
        && problems.is_empty()
    {
        check_text(&id_of(code, key.part, key.audience), locale, &text, &mut problems);
    }
    problems.check()?;
    let (code, locale) = checked.ok_or_else(|| Error::not_found("code", "code"))?;
    let message = id_of(code, key.part, key.audience);
    let row = word_override::Model {
        id: row_id(&message, locale),
        message,
        locale: locale.tag().to_owned(),
        text,
        set_at: app.clock().now(),
        set_by: actor.own_name().to_owned(),
    };
    let tx = app.across_tenants().begin().await?;
    forget(&tx, &row.message, locale).await?;
    identity::insert::<word_override::Entity>(&tx, row.clone(), "storing an overridden word").await.map_err(
        |error| match identity::unique_violation(&error) {
            Some(_) => Error::conflict("code", "somebody sets this word just now; look at it first"),
            None => error,
        },
    )?;
    let detail = format!("{} {}: {}", row.message, row.locale, row.text);
    let entry = Entry::of(None, Some(GlobalId::new(Kind::WordOverride, row.id))).detail(Some(detail));
    audit::commit(tx, entry, "committing an overridden word").await?;
    reread_at_once(app).await;
    Ok(word(code, key.part, key.audience, locale, Some(row)))
}

/// Says what is shipped again. Twice is once.
///
/// # Errors
/// Denied without `words:manage`. Rejected, all at once, as [`set_override`] without a text.
pub async fn remove_override(actor: &Actor, key: &WordKey) -> Result<Word> {
    let scope = actor.authorize(Permission::WordManage)?;
    let app = scope.app();
    let mut problems = Problems::default();
    let checked = check(key, &mut problems);
    problems.check()?;
    let (code, locale) = checked.ok_or_else(|| Error::not_found("code", "code"))?;
    let id = id_of(code, key.part, key.audience);
    let tx = app.across_tenants().begin().await?;
    forget(&tx, &id, locale).await?;
    let object = GlobalId::new(Kind::WordOverride, row_id(&id, locale));
    let entry = Entry::of(None, Some(object)).detail(Some(format!("{id} {}", locale.tag())));
    audit::commit(tx, entry, "committing the end of an overridden word").await?;
    reread_at_once(app).await;
    Ok(word(code, key.part, key.audience, locale, None))
}

/// Reads the overridden words again: another process may have changed them.
///
/// # Errors
/// When they can't be read; those that were read before stay in use.
pub async fn reread(app: &App) -> Result<()> {
    // One after the other: what was read before a change is never put over what was read after it.
    let _turn = app.words().reading.lock().await;
    let rows = stored(app, None).await?;
    let mut overrides: Vec<(String, Locale, String)> = rows
        .into_iter()
        .filter_map(|row| Some((row.message, Locale::parse(&row.locale)?, row.text)))
        .collect();
    overrides.sort_unstable();
    app.words().replace(overrides);
    Ok(())
}

/// After a change, which is stored whatever becomes of this.
async fn reread_at_once(app: &App) {
    if let Err(error) = reread(app).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "overridden words can't be read just now; what was changed is said within seconds"
        );
    }
}

async fn stored(app: &App, locale: Option<Locale>) -> Result<Vec<word_override::Model>> {
    let mut select = identity::find::<word_override::Entity>();
    if let Some(locale) = locale {
        select = select.filter(word_override::Column::Locale.eq(locale.tag()));
    }
    select.limit(OVERRIDES_MAX).all(app.across_tenants().reader()).await.doing("reading overridden words")
}

async fn forget(connection: &impl sea_orm::ConnectionTrait, id: &str, locale: Locale) -> Result<()> {
    identity::delete::<word_override::Entity>()
        .filter(word_override::Column::Message.eq(id))
        .filter(word_override::Column::Locale.eq(locale.tag()))
        .exec(connection)
        .await
        .doing("removing an overridden word")?;
    Ok(())
}

fn check(key: &WordKey, problems: &mut Problems) -> Option<(&'static str, Locale)> {
    let code = catalogue::entry(&key.code).code;
    if code != key.code {
        problems.add(ProblemCode::NotFound, "code", "the error catalogue has no such code");
    }
    match (key.part, key.audience) {
        (WordPart::Action, None) => {
            problems.add(ProblemCode::Required, "audience", "say for whom the action is");
        }
        (WordPart::Summary, Some(_)) => {
            problems.add(
                ProblemCode::Invalid,
                "audience",
                "a summary is the same for everybody; leave it out",
            );
        }
        _ => {}
    }
    let locale = Locale::parse(&key.locale);
    if locale.is_none() {
        problems.add(ProblemCode::Invalid, "locale", unknown());
    }
    locale.map(|locale| (code, locale))
}

fn check_text(id: &str, locale: Locale, text: &str, problems: &mut Problems) {
    let Some(message) = Message::parse(text).filter(Message::is_plain) else {
        let message = "must be text with placeables like { $subject } only; other braces can't be in it";
        problems.add(ProblemCode::Invalid, "text", message);
        return;
    };
    let wanted = SHIPPED.message(locale, id).map(Message::placeables).unwrap_or_default();
    if message.placeables() != wanted {
        let message = if wanted.is_empty() {
            "must have no placeables".to_owned()
        } else {
            let wanted: Vec<String> = wanted.iter().map(|name| format!("{{ ${name} }}")).collect();
            format!("must have exactly these placeables: {}", wanted.join(", "))
        };
        problems.add(ProblemCode::Invalid, "text", message);
    }
}

fn unknown() -> String {
    let tags: Vec<&str> = Locale::ALL.iter().map(|locale| locale.tag()).collect();
    format!("must be one of: {}", tags.join(", "))
}

/// The same for a message in a language each time, so that the audit log tells what was done to one.
fn row_id(message: &str, locale: Locale) -> Uuid {
    lasting_id(&format!("{message} {}", locale.tag()))
}

fn id_of(code: &str, part: WordPart, audience: Option<Audience>) -> String {
    match (part, audience) {
        (WordPart::Summary, _) => message_id(code),
        (WordPart::Action, audience) => action_id(code, audience.unwrap_or(Audience::Customer)),
    }
}

fn word(
    code: &'static str,
    part: WordPart,
    audience: Option<Audience>,
    locale: Locale,
    row: Option<word_override::Model>,
) -> Word {
    let id = id_of(code, part, audience);
    let row = row.filter(|row| fitting(&id, locale, &row.text).is_some());
    Word {
        code,
        part,
        audience,
        locale,
        shipped: SHIPPED.message(locale, &id).map(Message::written).unwrap_or_default(),
        overridden: row.map(|row| Overridden { text: row.text, set_at: row.set_at, set_by: row.set_by }),
    }
}
