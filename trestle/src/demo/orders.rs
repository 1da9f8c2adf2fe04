//! The purchase orders of the demonstration: a CSV file of 5,000 rows, of which three are bad.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

/// Rows of the file.
pub const ORDERS: u32 = 5_000;
/// The bad rows: no mail address, an amount below zero, a currency that nobody knows.
pub const BAD_ORDERS: [u32; 3] = [1_204, 3_377, 4_711];

/// Program from a row of the file to a row of the table.
pub const MAPPING: &str = "\
.amount = to_float!(.amount)
.customer_email = downcase(string!(.customer_email))
del(.internal_note)
";

/// Writes the file.
///
/// # Errors
/// When it can't be written.
pub fn write(path: &Path) -> anyhow::Result<()> {
    let doing = || format!("writing {}", path.display());
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(doing)?;
    }
    let mut file = BufWriter::new(fs::File::create(path).with_context(doing)?);
    writeln!(file, "number,customer_email,amount,currency,ordered_at,internal_note").with_context(doing)?;
    for number in 1..=ORDERS {
        let amount = f64::from(number * 7919 % 1_000_000) / 100.0;
        let currency = ["EUR", "USD", "GBP"][number as usize % 3];
        let (email, amount, currency) = match BAD_ORDERS.iter().position(|bad| *bad == number) {
            Some(0) => (String::new(), amount, currency),
            Some(1) => (format!("buyer{number}@example.com"), -amount, currency),
            Some(_) => (format!("buyer{number}@example.com"), amount, "GALLEONS"),
            None => (format!("Buyer{number}@Example.com"), amount, currency),
        };
        let (day, minute) = (number / 180 + 1, number % 60);
        writeln!(file, "PO-{number:05},{email},{amount:.2},{currency},2026-10-{day:02}T08:{minute:02}:00Z,checked by hand")
            .with_context(doing)?;
    }
    file.flush().with_context(doing)
}

/// Rules that every mapped row must satisfy.
pub fn rules() -> serde_json::Value {
    serde_json::json!({
        "type": "object",
        "required": ["number", "customer_email", "amount", "currency"],
        "properties": {
            "number": { "type": "string", "pattern": "^PO-[0-9]{5}$" },
            "customer_email": { "type": "string", "format": "email" },
            "amount": { "type": "number", "minimum": 0 },
            "currency": { "enum": ["EUR", "USD", "GBP"] },
        },
    })
}
