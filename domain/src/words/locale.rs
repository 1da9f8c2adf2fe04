//! The languages that the words are in, and which of them somebody reads.

/// Longest `Accept-Language` that is looked at, in bytes; browsers send under 100.
const ACCEPTED_BYTES_MAX: usize = 500;

/// A language of the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Locale {
    /// What is said where nothing else is asked for.
    #[default]
    English,
    /// With „Sie“.
    German,
}

impl Locale {
    /// Each of them, in the order of the enum.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The one of a tag, exactly as [`tag`](Self::tag) has it.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.tag() == tag)
    }

    /// The one that serves a caller best by their `Accept-Language` (RFC 9110, section 12.5.4); English where none does.
    pub fn accepted(header: &str) -> Self {
        if header.len() > ACCEPTED_BYTES_MAX {
            return Self::default();
        }
        let mut best = None;
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let language = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let weight: f32 = match weight.map(str::parse) {
                None => 1.0,
                Some(Ok(weight)) => weight,
                Some(Err(_)) => continue,
            };
            let Some(locale) = Self::of_range(language) else { continue };
            // Of those that are wanted alike the first one.
            if weight > best.map_or(0.0, |(_, best)| best) && weight <= 1.0 {
                best = Some((locale, weight));
            }
        }
        best.map_or_else(Self::default, |(locale, _)| locale)
    }

    /// The one that a language range names, as "Lookup" of RFC 4647, section 3.4, finds it: `de-AT` is served by `de`.
    fn of_range(range: &str) -> Option<Self> {
        let language = range.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(language))
    }

    /// The plural category of a count (<https://cldr.unicode.org/index/cldr-spec/plural-rules>).
    pub(super) fn plural(self, count: u64) -> &'static str {
        match self {
            Self::English | Self::German => {
                if count == 1 {
                    "one"
                } else {
                    "other"
                }
            }
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::English => include_str!("../../words/en.ftl"),
            Self::German => include_str!("../../words/de.ftl"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locale;

    #[test]
    fn the_language_is_the_one_that_is_wanted_most() {
        for (header, expected) in [
            ("", Locale::English),
            ("de", Locale::German),
            ("de-AT", Locale::German),
            ("DE-ch-1996", Locale::German),
            ("fr-FR, de;q=0.8, en;q=0.7", Locale::German),
            ("de;q=0.5, en", Locale::English),
            ("de;q=0, en;q=0.1", Locale::English),
            ("en-GB,en;q=0.9,de;q=0.8", Locale::English),
            ("fr, *;q=0.5", Locale::English),
            ("xx-invalid-tag-of-somebody, de;q=x", Locale::English),
            (";;;q=,,", Locale::English),
        ] {
            assert_eq!(Locale::accepted(header), expected, "{header:?}");
        }
        assert_eq!(Locale::accepted(&"de,".repeat(1_000)), Locale::English);
    }

    #[test]
    fn tags_parse_back() {
        for (index, locale) in Locale::ALL.into_iter().enumerate() {
            assert_eq!(locale as usize, index);
            assert_eq!(Locale::parse(locale.tag()), Some(locale));
        }
    }
}
