//! Words of the error catalogue: what is shipped, and what the operator says in its place.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use domain::words::{self, WordKey};

use super::caller::actor;
use super::error::{Result, UserError, outcome};
use super::scalar::DateTime;
use super::viewer::Audience;

/// Which of the words of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::words::WordPart")]
pub enum WordPart {
    /// What happened: the same for everybody.
    Summary,
    /// What somebody does about it, for each audience.
    Action,
}

/// Words of the error catalogue, in a language. Placeables, like `{ $subject }`, are filled in when they are said.
#[derive(Clone)]
pub struct Word(words::Word);

/// Words of the error catalogue, in a language. Placeables, like `{ $subject }`, are filled in when they are said.
#[Object]
impl Word {
    /// Of the error catalogue.
    fn code(&self) -> &str {
        self.0.code
    }

    /// Which of its words.
    fn part(&self) -> WordPart {
        self.0.part.into()
    }

    /// For whom; null for what everybody reads.
    fn audience(&self) -> Option<Audience> {
        self.0.audience.map(Into::into)
    }

    /// The language (BCP 47).
    fn locale(&self) -> &str {
        self.0.locale.tag()
    }

    /// What is said.
    fn text(&self) -> &str {
        self.0.overridden.as_ref().map_or(&self.0.shipped, |overridden| &overridden.text)
    }

    /// What is shipped.
    fn shipped(&self) -> &str {
        &self.0.shipped
    }

    /// Whether the operator says something else than what is shipped.
    fn is_overridden(&self) -> bool {
        self.0.overridden.is_some()
    }

    /// When the operator's text was set; null where what is shipped is said.
    fn set_at(&self) -> Option<DateTime> {
        self.0.overridden.as_ref().map(|overridden| overridden.set_at.into())
    }

    /// Who set it.
    fn set_by(&self) -> Option<&str> {
        self.0.overridden.as_ref().map(|overridden| overridden.set_by.as_str())
    }
}

/// Queries of words.
#[derive(Default)]
pub struct WordQuery;

#[Object]
impl WordQuery {
    /// Every word of the error catalogue in a language, in the order of the catalogue.
    async fn words(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The language (BCP 47): `en` or `de`.")] locale: String,
        #[graphql(desc = "Of this code only.")] code: Option<String>,
    ) -> Result<Vec<Word>> {
        let words = words::list(&actor(ctx)?, &locale, code.as_deref()).await?;
        Ok(words.into_iter().map(Word).collect())
    }
}

/// A word, and what is said in its place.
#[derive(InputObject)]
pub struct SetWordOverrideInput {
    /// Of the error catalogue.
    code: String,
    /// Which of its words.
    part: WordPart,
    /// ACTION: for whom.
    audience: Option<Audience>,
    /// The language (BCP 47): `en` or `de`.
    locale: String,
    /// One line, at most 500 characters, with the placeables that the shipped text has.
    text: String,
}

/// A word that is said as it is shipped again.
#[derive(InputObject)]
pub struct RemoveWordOverrideInput {
    /// Of the error catalogue.
    code: String,
    /// Which of its words.
    part: WordPart,
    /// ACTION: for whom.
    audience: Option<Audience>,
    /// The language (BCP 47): `en` or `de`.
    locale: String,
}

/// A word, or what is wrong with the input.
#[derive(SimpleObject)]
pub struct WordPayload {
    /// The word; null when `userErrors` is not empty.
    word: Option<Word>,
    /// Everything that is wrong with the input; empty when it was done.
    user_errors: Vec<UserError>,
}

impl WordPayload {
    fn of(result: domain::Result<words::Word>) -> Result<Self> {
        let (word, user_errors) = outcome(result)?;
        Ok(Self { word: word.map(Word), user_errors })
    }
}

fn key(code: String, part: WordPart, audience: Option<Audience>, locale: String) -> WordKey {
    WordKey { code, part: part.into(), audience: audience.map(Into::into), locale }
}

/// Mutations of words.
#[derive(Default)]
pub struct WordMutation;

#[Object]
impl WordMutation {
    /// Says something in the operator's own words. Every process does within 5 seconds.
    async fn set_word_override(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The word and its text.")] input: SetWordOverrideInput,
    ) -> Result<WordPayload> {
        let key = key(input.code, input.part, input.audience, input.locale);
        WordPayload::of(words::set_override(&actor(ctx)?, &key, &input.text).await)
    }

    /// Says what is shipped again. Twice is once.
    async fn remove_word_override(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The word.")] input: RemoveWordOverrideInput,
    ) -> Result<WordPayload> {
        let key = key(input.code, input.part, input.audience, input.locale);
        WordPayload::of(words::remove_override(&actor(ctx)?, &key).await)
    }
}
