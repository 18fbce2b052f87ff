//! A number that compares exactly. No arithmetic: nothing in Baton calculates with a record's numbers.

use std::fmt;

use serde_json::Value as Json;

/// How many digits may follow the decimal point (API.md section 1).
const FRACTION_DIGITS: usize = 4;

/// How many digits a number may have. A double, which is what JSON readers make of a fraction, holds 15 of them truly.
const SIGNIFICANT_DIGITS: usize = 15;

/// What one is counted in ten-thousandths.
const ONE: i128 = 10_000;

/// A whole number, decimal or amount of money with at most 4 fraction digits and 15 digits in all, in ten-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(i128);

impl Number {
    /// Believes a number; the error says what would be right.
    pub fn parse(number: &serde_json::Number) -> Result<Self, &'static str> {
        let mut text = number.to_string();
        if text.contains(['e', 'E']) {
            // Written out in full: `{}` of a double uses no exponent.
            text = number.as_f64().ok_or("must be a number")?.to_string();
        }
        let (negative, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if fraction.len() > FRACTION_DIGITS {
            return Err("must be a number with at most 4 fraction digits");
        }
        if whole.len() + fraction.len() > SIGNIFICANT_DIGITS {
            return Err("must be a number with at most 15 digits");
        }
        let digits = format!("{whole}{fraction:0<FRACTION_DIGITS$}");
        let count: i128 = digits.parse().map_err(|_| "must be a number")?;
        Ok(Self(if negative { -count } else { count }))
    }

    /// True when it has no fraction.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.0 % ONE == 0
    }

    /// The number as JSON, an integer when it is whole.
    pub(super) fn to_json(self) -> Json {
        serde_json::from_str(&self.to_string()).expect("a number is written as JSON writes it")
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / ONE, self.0.abs() % ONE);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{fraction:0FRACTION_DIGITS$}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Result<Number, &'static str> {
        Number::parse(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn numbers_compare_exactly_however_they_are_written() {
        for (one, other) in [("1", "1.0"), ("0", "-0.0"), ("1e2", "100"), ("19.90", "19.9"), ("2.5e-1", "0.25")] {
            assert_eq!(number(one).unwrap(), number(other).unwrap(), "{one} {other}");
        }
        for (less, more) in [("-1", "-0.9999"), ("0.1", "0.1001"), ("99999999999.9998", "99999999999.9999")] {
            assert!(number(less).unwrap() < number(more).unwrap(), "{less} {more}");
        }
    }

    #[test]
    fn numbers_of_too_many_digits_are_refused() {
        for json in ["0.12345", "1e-5", "0.30000000000000004", "1000000000000000", "12345678901234.56", "1e15", "1e300"]
        {
            assert!(number(json).is_err(), "{json}");
        }
        for json in ["0.1234", "999999999999999", "-99999999999.9999", "1e14"] {
            assert!(number(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn a_number_is_written_as_it_is_read() {
        for json in ["0", "-7", "0.05", "-0.0001", "99999999999.9999", "999999999999999"] {
            let written = number(json).unwrap().to_json().to_string();
            assert_eq!(written, json);
            assert_eq!(number(&written), number(json));
        }
    }
}
