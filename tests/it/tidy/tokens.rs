//! Rust as a flat list of tokens: without comments, and with nothing in its strings.

use std::str::FromStr as _;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// One word or sign of a source. Every literal is the same: `LITERAL`.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) text: String,
}

/// What stands for a literal; doc comments are literals as well.
const LITERAL: &str = "\"\"";

impl Token {
    fn new(span: Span, text: impl Into<String>) -> Self {
        let line = span.start().line;
        let text = text.into();
        Self { line, text }
    }

    /// Whether this is a name or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The tokens of `source`; an error says that it is no Rust.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let stream = TokenStream::from_str(source).map_err(|error| error.to_string())?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => flatten_group(&group, out),
            TokenTree::Ident(word) => out.push(Token::new(word.span(), word.to_string())),
            TokenTree::Punct(sign) => out.push(Token::new(sign.span(), sign.as_char())),
            TokenTree::Literal(literal) => out.push(Token::new(literal.span(), LITERAL)),
        }
    }
}

fn flatten_group(group: &Group, out: &mut Vec<Token>) {
    let (open, close) = match group.delimiter() {
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::None => ("", ""),
    };
    out.push(Token::new(group.span_open(), open));
    flatten(group.stream(), out);
    out.push(Token::new(group.span_close(), close));
}

/// The index of the sign that closes the group opened at `open`.
pub(super) fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    tokens[open..]
        .iter()
        .position(|token| {
            match token.text.as_str() {
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth -= 1,
                _ => {}
            }
            depth == 0
        })
        .map(|length| open + length)
}

#[test]
fn comments_and_strings_say_nothing() {
    let check = |source: &str, expected: &str| {
        let tokens = tokens(source).unwrap();
        let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(texts.join(" "), expected);
    };
    check("a // unsafe\n/* unsafe /* unsafe */ */ b", "a b");
    check(
        r###"x("unsafe", r#"un"safe"#, b'"', 'a', '\'')"###,
        r#"x ( "" , "" , "" , "" , "" )"#,
    );
    check("&'a str", "& ' a str");
    check("//! unsafe\n", r#"# ! [ doc = "" ]"#);
    assert!(tokens("fn a( {").is_err());
}

#[test]
fn lines_are_counted_from_one() {
    let lines = |source| {
        tokens(source)
            .unwrap()
            .iter()
            .map(|token| token.line)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines("a\n\n{\n}"), [1, 3, 4]);
}
