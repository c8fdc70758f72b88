//! Numbers of any kind in the binary form of `numeric`.
//!
//! The form is a row of digits to the base 10,000: how many there are, the weight of the first one,
//! the sign, and how many decimal digits follow the point.

use bytes::BufMut;

const NEGATIVE: u16 = 0x4000;
/// What is no number, and what is larger or smaller than all. PostgreSQL has the latter since 14.
const SPECIAL: [(&str, u16); 3] = [("NaN", 0xC000), ("inf", 0xD000), ("-inf", 0xF000)];
/// Decimal digits of one digit of the form.
const GROUP: usize = 4;

/// Writes the number `text`, as Rust prints integers and floats: `-12.5e-3`, `NaN`.
pub(crate) fn put(text: &str, out: &mut Vec<u8>) {
    if let Some((_, sign)) = SPECIAL.iter().find(|(name, _)| *name == text) {
        return field(&[], 0, *sign, 0, out);
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = (fraction.len() as i32 - exponent).max(0);
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    // How many of the digits stand before the point; none or less, if zeros follow it first.
    let before = whole.len() as i32 + exponent - leading as i32;
    let groups = groups(&digits[leading..], before);
    match groups.is_empty() {
        true => field(&[], 0, 0, scale, out),
        false => field(&groups, (before - 1).div_euclid(4), sign, scale, out),
    }
}

/// `digits` to the base 10,000, aligned at the point; the last one is not zero.
fn groups(digits: &[u8], before: i32) -> Vec<u16> {
    let first = (before - 1).rem_euclid(4) as usize + 1;
    let mut groups = Vec::with_capacity(digits.len() / GROUP + 2);
    let (head, rest) = digits.split_at(first.min(digits.len()));
    for (group, size) in
        std::iter::once((head, first)).chain(rest.chunks(GROUP).map(|g| (g, GROUP)))
    {
        let value = group
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        groups.push(value * 10_u16.pow((size - group.len()) as u32));
    }
    let zeros = groups.iter().rev().take_while(|group| **group == 0).count();
    groups.truncate(groups.len() - zeros);
    groups
}

fn field(groups: &[u16], weight: i32, sign: u16, scale: i32, out: &mut Vec<u8>) {
    out.put_i16(groups.len() as i16);
    out.put_i16(weight as i16);
    out.put_u16(sign);
    out.put_i16(scale as i16);
    groups.iter().for_each(|group| out.put_u16(*group));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_four_from_the_point() {
        let check = |text: &str, expected: (i16, u16, i16, &[u16])| {
            let mut out = Vec::new();
            put(text, &mut out);
            let at = |index: usize| u16::from_be_bytes([out[index], out[index + 1]]);
            let groups: Vec<u16> = (8..out.len()).step_by(2).map(at).collect();
            assert_eq!(usize::from(at(0)), groups.len(), "{text}");
            let got = (at(2) as i16, at(4), at(6) as i16, &groups[..]);
            assert_eq!(got, expected, "{text}");
        };
        check("0", (0, 0, 0, &[]));
        check("-0.0", (0, 0, 1, &[]));
        check("7", (0, 0, 0, &[7]));
        check("-9999", (0, NEGATIVE, 0, &[9999]));
        check("10000", (1, 0, 0, &[1]));
        check("12345", (1, 0, 0, &[1, 2345]));
        check("1.5", (0, 0, 1, &[1, 5000]));
        check("-12345.678901", (1, NEGATIVE, 6, &[1, 2345, 6789, 100]));
        check("0.05", (-1, 0, 2, &[500]));
        check("0.00001234", (-2, 0, 8, &[1234]));
        check("1e20", (5, 0, 0, &[1]));
        check("1.25e3", (0, 0, 0, &[1250]));
        check("12e-7", (-2, 0, 7, &[120]));
        check("9007199254740993", (3, 0, 0, &[9007, 1992, 5474, 993]));
        check("NaN", (0, 0xC000, 0, &[]));
        check("-inf", (0, 0xF000, 0, &[]));
    }
}
