//! What a JSON number can be kept as without losing anything.

use super::scan::{Lexeme, Number, Scanner};

/// Largest magnitude up to which every integer is also an `f64`.
pub(crate) const EXACT: u64 = 1 << 53;

/// Digits beyond which an `f64` cannot tell two numbers apart.
const DIGITS: u32 = 17;

/// The narrowest home of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Numeric {
    /// An integer that is also an `f64`.
    Integer(i64),
    /// An integer beyond 2^53.
    Big(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Only the text holds it.
    Text,
}

impl Numeric {
    /// Decides for the number written as `raw`, of the form `number`.
    #[inline]
    pub(crate) fn of(raw: &str, number: Number) -> Self {
        if number.whole {
            Self::whole(number)
        } else {
            Self::float(raw, number)
        }
    }

    #[inline]
    fn whole(number: Number) -> Self {
        let Some(value) = signed(number) else {
            return Self::Text;
        };
        match number.magnitude {
            // An integer has no negative zero.
            0 if number.negative => Self::Float(-0.0),
            0..=EXACT => Self::Integer(value),
            _ => Self::Big(value),
        }
    }

    fn float(raw: &str, number: Number) -> Self {
        match raw.parse::<f64>() {
            Ok(value) if number.digits == 0 => Self::Float(value),
            Ok(value) if value.is_normal() && number.digits <= DIGITS => Self::Float(value),
            _ => Self::Text,
        }
    }
}

/// A number of which nothing is lost.
pub(crate) enum Scalar {
    Integer(i64),
    Number(f64),
}

/// The number that `text` writes as JSON does, if it is one that an `f64` tells from all others.
pub(crate) fn scalar(text: &str) -> Option<Scalar> {
    let mut scan = Scanner::new(text.as_bytes(), 0, 1);
    let is_number = matches!(scan.value(), Ok(Lexeme::Number)) && scan.pos() == text.len();
    match is_number.then(|| Numeric::of(text, scan.number()))? {
        Numeric::Integer(number) => Some(Scalar::Integer(number)),
        Numeric::Float(number) => Some(Scalar::Number(number)),
        Numeric::Big(_) | Numeric::Text => None,
    }
}

/// The integer, if 64 bits hold it.
fn signed(number: Number) -> Option<i64> {
    if number.digits > 19 {
        return None;
    }
    let positive = i64::try_from(number.magnitude).ok();
    if !number.negative {
        return positive;
    }
    0_i64.checked_sub_unsigned(number.magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: Numeric) {
        let mut scan = Scanner::new(raw.as_bytes(), 0, 1);
        assert_eq!(scan.value(), Ok(Lexeme::Number), "{raw}");
        let number = scan.number();
        assert_eq!(Numeric::of(raw, number), expected, "{raw}");
    }

    #[test]
    fn every_number_has_one_home() {
        check("0", Numeric::Integer(0));
        check("-42", Numeric::Integer(-42));
        check("9007199254740992", Numeric::Integer(1 << 53));
        check("9007199254740993", Numeric::Big((1 << 53) + 1));
        check("9223372036854775807", Numeric::Big(i64::MAX));
        check("-9223372036854775808", Numeric::Big(i64::MIN));
        check("9223372036854775808", Numeric::Text);
        check("18446744073709551617", Numeric::Text);
        check("12345678901234567890123", Numeric::Text);
        check("1.50", Numeric::Float(1.5));
        check("-1e-3", Numeric::Float(-0.001));
        check("0.0", Numeric::Float(0.0));
        check("0e999", Numeric::Float(0.0));
        check("1e999", Numeric::Text);
        check("1e-999", Numeric::Text);
        check("0.123456789012345678", Numeric::Text);
    }

    #[test]
    fn negative_zero_keeps_its_sign() {
        assert!(matches!(
            Numeric::of("-0", Number { negative: true, whole: true, digits: 0, magnitude: 0 }),
            Numeric::Float(zero) if zero.is_sign_negative()
        ));
    }
}
