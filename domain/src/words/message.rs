//! One message: text, what is filled into it, and choices by it. The files are in the syntax of Project Fluent
//! (<https://projectfluent.org/fluent/guide/>), of which this reads what they use: placeables of variables, and selects by
//! a word or a plural category. Deliberately absent: terms, attributes, functions, references to other messages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Locale;

/// What is filled into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// As it is.
    Text(Cow<'a, str>),
    /// A count, by which a plural is chosen.
    Number(u64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
    Select { variable: String, variants: Vec<(String, Vec<Part>)>, default: usize },
}

impl Message {
    /// Reads the text behind the `=`; `None` when it is not of the syntax, or empty.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim() };
        let parts = reader.pattern(false)?;
        (reader.rest.is_empty() && !parts.is_empty()).then_some(Self(parts))
    }

    /// Whether it is one line of text with what is filled in, and chooses nothing.
    pub(super) fn is_plain(&self) -> bool {
        self.0.iter().all(|part| match part {
            Part::Text(text) => !text.contains('\n'),
            Part::Variable(_) => true,
            Part::Select { .. } => false,
        })
    }

    /// The message in a language; `None` when something is not filled in.
    pub(super) fn fill(&self, locale: Locale, arguments: &[(&str, Value<'_>)]) -> Option<String> {
        let mut text = String::new();
        fill(&self.0, locale, arguments, &mut text)?;
        Some(text)
    }

    /// The names of what is filled in or chosen by, each once.
    pub(super) fn placeables(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// As it is written; of one that [`is_plain`](Self::is_plain).
    pub(super) fn written(&self) -> String {
        let written = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) => format!("{{ ${name} }}"),
            Part::Select { variable, .. } => format!("{{ ${variable} -> }}"),
        });
        written.collect()
    }
}

/// The messages of a file by their ids, and the lines that can't be read or come twice.
pub(super) fn parse_file(text: &str) -> (BTreeMap<String, Message>, Vec<String>) {
    let mut entries: Vec<(&str, String)> = Vec::new();
    let mut unread = Vec::new();
    for line in text.lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if line.starts_with(' ') {
            match entries.last_mut() {
                Some((_, text)) => {
                    text.push('\n');
                    text.push_str(line.trim());
                }
                None => unread.push(line.to_owned()),
            }
            continue;
        }
        match line.split_once(" =") {
            Some((id, text)) if is_name(id) => entries.push((id, text.trim().to_owned())),
            _ => unread.push(line.to_owned()),
        }
    }
    let mut messages = BTreeMap::new();
    for (id, text) in entries {
        match Message::parse(&text) {
            Some(message) => {
                if messages.insert(id.to_owned(), message).is_some() {
                    unread.push(format!("{id} is there twice"));
                }
            }
            None => unread.push(format!("{id} = {text}")),
        }
    }
    (messages, unread)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|character: char| character.is_ascii_alphabetic()) && text.chars().all(is_name_character)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Up to the end, or of a variant to the end of its line.
    fn pattern(&mut self, is_variant: bool) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        loop {
            let end = self.rest.find(['{', '}', '\n']).unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            self.rest = rest;
            match rest.chars().next() {
                None => return Some(parts),
                Some('\n') if is_variant => return Some(parts),
                Some('{') => {
                    self.rest = &rest[1..];
                    parts.push(self.placeable(is_variant)?);
                }
                _ => return None,
            }
        }
    }

    /// What stands behind a `{`, with its `}`.
    fn placeable(&mut self, is_variant: bool) -> Option<Part> {
        self.space();
        self.take("$")?;
        let variable = self.name()?;
        self.space();
        if self.take("}").is_some() {
            return Some(Part::Variable(variable));
        }
        if is_variant {
            return None;
        }
        self.take("->")?;
        let (mut variants, mut default) = (Vec::new(), None);
        loop {
            self.space();
            if self.take("}").is_some() {
                let default = default?;
                return Some(Part::Select { variable, variants, default });
            }
            if self.take("*").is_some() && default.replace(variants.len()).is_some() {
                return None;
            }
            self.take("[")?;
            let key = self.name()?;
            self.take("]")?;
            self.rest = self.rest.trim_start_matches(' ');
            variants.push((key, self.pattern(true)?));
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, what: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    fn name(&mut self) -> Option<String> {
        let end = self.rest.find(|character| !is_name_character(character)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        is_name(name).then(|| name.to_owned())
    }
}

fn fill(parts: &[Part], locale: Locale, arguments: &[(&str, Value<'_>)], text: &mut String) -> Option<()> {
    let find = |name: &str| arguments.iter().find(|(of, _)| *of == name).map(|(_, value)| value);
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Variable(name) => match find(name)? {
                Value::Text(value) => text.push_str(value),
                Value::Number(value) => text.push_str(&value.to_string()),
            },
            Part::Select { variable, variants, default } => {
                let key = match find(variable)? {
                    Value::Text(value) => value.as_ref(),
                    Value::Number(value) => locale.plural(*value),
                };
                let chosen = variants.iter().find(|(of, _)| of == key).or(variants.get(*default))?;
                fill(&chosen.1, locale, arguments, text)?;
            }
        }
    }
    Some(())
}

fn collect(parts: &[Part], names: &mut Vec<String>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Variable(name) => names.push(name.clone()),
            Part::Select { variable, variants, .. } => {
                names.push(variable.clone());
                variants.iter().for_each(|(_, parts)| collect(parts, names));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Value, parse_file};
    use crate::words::Locale;

    #[test]
    fn text_is_filled_and_chosen() {
        let message = Message::parse(
            "{ $name } must have { $count ->\n[one] one item\n*[other] { $count } items\n} by then",
        )
        .expect("it is a message");
        assert_eq!(message.placeables(), ["count", "name"]);
        assert!(!message.is_plain());
        let fill = |count: u64| {
            message.fill(Locale::English, &[("name", "A".into()), ("count", Value::Number(count))])
        };
        assert_eq!(fill(1).as_deref(), Some("A must have one item by then"));
        assert_eq!(fill(12).as_deref(), Some("A must have 12 items by then"));
        assert_eq!(message.fill(Locale::English, &[("count", Value::Number(1))]), None);
        let word = Message::parse("{ $a ->\n[x] X\n*[y] Y\n}").expect("it is a message");
        assert_eq!(word.fill(Locale::German, &[("a", "x".into())]).as_deref(), Some("X"));
        assert_eq!(word.fill(Locale::German, &[("a", "z".into())]).as_deref(), Some("Y"));
    }

    #[test]
    fn what_is_not_of_the_syntax_is_no_message() {
        for bad in [
            "",
            " ",
            "{",
            "a } b",
            "{ $subject",
            "{ subject }",
            "{ -term }",
            "{ \"literal\" }",
            "{ NUMBER($subject) }",
            "{ 1 }",
            "{ $a -> [x] y }",
            "{ $a ->\n[x] y\n}",
            "{ $a ->\n*[x] y\n*[z] y\n}",
            "one\ntwo",
        ] {
            assert_eq!(Message::parse(bad), None, "{bad}");
        }
        let plain = Message::parse("{$subject}: 50 % off, [see] *this* .").expect("it is a message");
        assert!(plain.is_plain());
        assert_eq!(plain.written(), "{ $subject }: 50 % off, [see] *this* .");
    }

    #[test]
    fn a_file_has_messages_comments_and_nothing_else() {
        let (messages, unread) = parse_file("# a\n\na = one\nb = { $n ->\n    [x] X\n   *[y] Y\n  }\n");
        assert_eq!(messages.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(unread, Vec::<String>::new());
        let (_, unread) = parse_file("  lost\na = one\na = two\nnonsense\nb = {\n");
        assert_eq!(unread, ["  lost", "nonsense", "a is there twice", "b = {"]);
    }
}
