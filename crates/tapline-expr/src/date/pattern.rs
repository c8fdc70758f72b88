//! A .NET format text, read into pieces.

use super::hint;

/// Most digits of a second: .NET counts in 100 nanoseconds.
const MAX_FRACTION: usize = 7;

/// Longest format, in bytes.
const MAX_LENGTH: usize = 1024;

/// Widest year, in digits. .NET pads as far as one asks; no year needs more than this.
const MAX_YEAR: usize = 9;

/// A part of a compiled format.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// Stands for itself.
    Text(String),
    /// A specifier: its letter, and how often it stands there.
    Field(char, usize),
}

/// What a format of one letter stands for, as in the culture en-US.
const STANDARD: [(char, &str); 18] = [
    ('d', "M/d/yyyy"),
    ('D', "dddd, MMMM d, yyyy"),
    ('f', "dddd, MMMM d, yyyy h:mm tt"),
    ('F', "dddd, MMMM d, yyyy h:mm:ss tt"),
    ('U', "dddd, MMMM d, yyyy h:mm:ss tt"),
    ('g', "M/d/yyyy h:mm tt"),
    ('G', "M/d/yyyy h:mm:ss tt"),
    ('m', "MMMM d"),
    ('M', "MMMM d"),
    ('o', "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    ('O', "yyyy-MM-ddTHH:mm:ss.fffffffK"),
    ('r', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ('R', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ('s', "yyyy-MM-ddTHH:mm:ss"),
    ('t', "h:mm tt"),
    ('T', "h:mm:ss tt"),
    ('u', "yyyy-MM-dd HH:mm:ssZ"),
    ('y', "MMMM yyyy"),
];

/// Reads `text`, which is a standard format if it has one letter.
pub(super) fn compile(text: &str) -> Result<Vec<Piece>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("it has more than {MAX_LENGTH} bytes"));
    }
    if let Some(name) = hint::misspelt_name(text) {
        return Err(name);
    }
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (None, _) => Err("it is empty".to_owned()),
        (Some(letter), None) => Reader::new(standard(letter)?).read(),
        _ => Reader::new(text).read(),
    }
}

fn standard(letter: char) -> Result<&'static str, String> {
    // `Y` is the one that .NET takes in both cases and that does not differ.
    let known = STANDARD
        .iter()
        .find(|(own, _)| *own == letter || (letter == 'Y' && *own == 'y'));
    known.map(|(_, pattern)| *pattern).ok_or_else(|| {
        let letters: String = STANDARD.iter().map(|(letter, _)| *letter).collect();
        format!("a format of one letter is one of `{letters}`")
    })
}

/// Reads a custom format from left to right.
struct Reader<'a> {
    text: &'a str,
    characters: Vec<char>,
    at: usize,
    pieces: Vec<Piece>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            characters: text.chars().collect(),
            at: 0,
            pieces: Vec::new(),
        }
    }

    fn read(mut self) -> Result<Vec<Piece>, String> {
        if self.characters.iter().filter(|c| **c == '%').count() > 1 {
            return Err(hint::STRFTIME.to_owned());
        }
        while let Some(&character) = self.characters.get(self.at) {
            match character {
                '\'' | '"' => self.quoted(character)?,
                '\\' => self.escaped()?,
                '%' => self.alone()?,
                'T' | 'Z' => self.literal(character),
                letter if letter.is_alphabetic() => self.field(letter)?,
                other => self.literal(other),
            }
        }
        Ok(self.pieces)
    }

    fn literal(&mut self, character: char) {
        self.at += 1;
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(character),
            _ => self.pieces.push(Piece::Text(character.into())),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        while let Some(&character) = self.characters.get(self.at) {
            if character == quote {
                self.at += 1;
                return Ok(());
            }
            self.at += usize::from(character == '\\');
            let Some(&literal) = self.characters.get(self.at) else {
                break;
            };
            self.literal(literal);
        }
        Err(format!(
            "the quote at column {} is not closed",
            start.saturating_add(1)
        ))
    }

    fn escaped(&mut self) -> Result<(), String> {
        self.at += 1;
        let escaped = self.characters.get(self.at).copied();
        self.literal(escaped.ok_or("nothing follows the last `\\`")?);
        Ok(())
    }

    /// `%d`: the specifier after it, which may then be the whole format.
    fn alone(&mut self) -> Result<(), String> {
        self.at += 1;
        match self.characters.get(self.at) {
            Some(letter) if is_specifier(*letter) => Ok(()),
            Some(letter) if letter.is_alphabetic() => Err(hint::STRFTIME.to_owned()),
            _ => Err("`%` stands before a single specifier, as in `%d`".to_owned()),
        }
    }

    fn field(&mut self, letter: char) -> Result<(), String> {
        let rest = self.characters.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|c| **c == letter).count();
        if !is_specifier(letter) {
            return Err(hint::unknown(self.text, letter, count, self.at + 1));
        }
        if matches!(letter, 'f' | 'F') && count > MAX_FRACTION {
            return Err(format!(
                "a second has at most {MAX_FRACTION} digits of a fraction, not {count}"
            ));
        }
        // .NET reads `KK` as `K` twice, and any other run as one specifier.
        let count = if letter == 'K' { 1 } else { count };
        self.at += count;
        let most = if letter == 'y' {
            MAX_YEAR
        } else {
            longest(letter)
        };
        self.pieces.push(Piece::Field(letter, count.min(most)));
        Ok(())
    }
}

fn is_specifier(letter: char) -> bool {
    "dMyhHmsfFtgKz".contains(letter)
}

/// How often a letter can be repeated and still mean something else than with one less.
fn longest(letter: char) -> usize {
    match letter {
        'd' | 'M' => 4,
        'z' => 3,
        'f' | 'F' => MAX_FRACTION,
        _ => 2,
    }
}
