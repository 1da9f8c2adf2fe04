//! Single values as they are written: numbers, switches, networks, origins.

use std::fmt;

use axum::http::HeaderValue;
use domain::retention::DAYS_MAX;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{WrongSetting, wrong};

/// A number as it is written: a TOML file may say `4` or `"4"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// `4`
    Integer(i64),
    /// `"4"`
    Text(String),
}

impl std::str::FromStr for Number {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Text(text.to_owned()))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// A yes or no as it is written: a TOML file may say `true` or `"true"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Flag {
    /// `true`
    Boolean(bool),
    /// `"true"`
    Text(String),
}

impl std::str::FromStr for Flag {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::Text(text.to_owned()))
    }
}

pub(super) fn flag(name: &str, written: Option<Flag>) -> Result<bool, WrongSetting> {
    match written {
        None => Ok(false),
        Some(Flag::Boolean(flag)) => Ok(flag),
        Some(Flag::Text(text)) => match text.trim() {
            "" | "false" => Ok(false),
            "true" => Ok(true),
            other => Err(wrong(name, format!("`{other}` is neither `true` nor `false`"))),
        },
    }
}

/// `on` or `off`; `None` where nobody has said.
pub(super) fn switch(name: &str, text: Option<&str>) -> Result<Option<bool>, WrongSetting> {
    match text {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(other) => Err(wrong(name, format!("`{other}` is neither `on` nor `off`"))),
    }
}

/// An empty value counts as none, as shells and compose files leave it.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

pub(super) fn integer(
    name: &str,
    number: Option<Number>,
    default: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<usize, WrongSetting> {
    let Some(number) = number else { return Ok(default) };
    let text = number.to_string();
    if text.trim().is_empty() {
        return Ok(default);
    }
    match text.trim().parse::<usize>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let problem = format!("`{text}` is not a whole number from {} to {}", range.start(), range.end());
            Err(wrong(name, problem))
        }
    }
}

/// So many days; `None` for 0, which is for ever.
pub(super) fn days(name: &str, number: Option<Number>, default: u32) -> Result<Option<u32>, WrongSetting> {
    let days = integer(name, number, default as usize, 0..=DAYS_MAX as usize)?;
    Ok((days > 0).then_some(days as u32))
}

pub(super) fn networks(name: &str, text: Option<String>) -> Result<Vec<IpNet>, WrongSetting> {
    let text = text.unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let network = part.parse::<IpNet>().ok();
            network
                .or_else(|| part.parse::<std::net::IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| wrong(name, format!("`{part}` is not a network like 10.1.0.0/16")))
        })
        .collect()
}

pub(super) fn origins(text: Option<String>) -> Result<Vec<HeaderValue>, WrongSetting> {
    let text = text.unwrap_or_default();
    text.split(',')
        .map(|part| part.trim().trim_end_matches('/'))
        .filter(|part| !part.is_empty())
        .map(|part| {
            let host = part.strip_prefix("https://").or_else(|| part.strip_prefix("http://"));
            let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            match HeaderValue::from_str(part) {
                Ok(origin) if is_origin => Ok(origin),
                _ => Err(wrong(
                    "TRESTLE_ALLOWED_ORIGINS",
                    format!("`{part}` is not an origin like https://portal.example"),
                )),
            }
        })
        .collect()
}
