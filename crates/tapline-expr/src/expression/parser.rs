//! Text to tree.

use super::function::{self, Function, Signature};
use super::node::{Kind, Node};
use super::{Fault, MAX_LENGTH};
use crate::{Bound, DateFormat, Path, Selector, Step};

/// Deepest nesting of calls and accesses.
const MAX_DEPTH: usize = 64;

/// What would be a placeholder anywhere else.
const PLACEHOLDERS: [&str; 4] = ["${", "{START_TIME}", "{END_TIME}", "{SCHEDULE_QUERY}"];

/// Reads an expression from left to right.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// `.key`, `?.key`, `[key]` or `?[key]`.
struct Access {
    key: Node,
    optional: bool,
    column: usize,
}

type Parsed<T = Node> = Result<T, Fault>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// The bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// A value and the space around it.
    pub(super) fn expression(&mut self) -> Parsed {
        self.deeper()?;
        let depth = self.depth;
        self.space();
        let mut node = self.primary()?;
        while let Some(access) = self.access()? {
            node = self.member(node, access)?;
        }
        self.space();
        self.depth = depth - 1;
        Ok(node)
    }

    pub(super) fn expect(&mut self, wanted: char, name: &str) -> Parsed<()> {
        if self.eat(wanted) {
            return Ok(());
        }
        Err(self.expected(name))
    }

    pub(super) fn expect_end(&self) -> Parsed<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault(format!("it nests deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Moves past what `belongs`, and returns it.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn space(&mut self) {
        self.take(char::is_whitespace);
    }

    /// Where the next character stands.
    fn column(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.chars().count() + 1
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.column(), reason)
    }

    fn expected(&self, wanted: &str) -> Fault {
        match self.peek() {
            Some(found) => self.fault(format!("expected {wanted}, found `{found}`")),
            None => self.fault(format!("expected {wanted}, but this is the end")),
        }
    }

    fn primary(&mut self) -> Parsed {
        if self.at > MAX_LENGTH {
            return Err(self.fault(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        match self.peek() {
            Some('\'') => self.text().map(Node::Text),
            Some('"') => Err(self.fault("a text stands in single quotes")),
            Some('-' | '0'..='9') => self.number(),
            Some(letter) if letter.is_alphabetic() || letter == '_' => self.word(),
            Some('@') => Err(self.fault("`@` stands only before the whole expression")),
            _ => Err(self.expected("a value")),
        }
    }

    /// `'it''s'`.
    fn text(&mut self) -> Parsed<String> {
        let start = self.at;
        let unclosed = self.fault("this text is not closed");
        let mut out = String::new();
        self.at += 1;
        loop {
            out.push_str(self.take(|c| c != '\''));
            if !self.eat('\'') {
                return Err(unclosed);
            }
            if !self.eat('\'') {
                break;
            }
            out.push('\'');
        }
        if self.at - start > MAX_LENGTH {
            return Err(self.fault(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        match PLACEHOLDERS.iter().find(|mark| out.contains(**mark)) {
            Some(mark) => Err(Fault::new(
                unclosed.column,
                format!(
                    "`{mark}` is no placeholder inside an expression; write \
                     `pipeline().parameters.name`, or `ingestionStart` and `ingestionEnd` as its name"
                ),
            )),
            None => Ok(out),
        }
    }

    fn number(&mut self) -> Parsed {
        let column = self.column();
        let text = self.take(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Node::Number(text.to_owned())),
            Err(_) => Err(Fault::new(column, format!("`{text}` is no number"))),
        }
    }

    fn word(&mut self) -> Parsed {
        let column = self.column();
        let name = self.take(|c| c.is_alphanumeric() || c == '_');
        if self.peek() == Some('(') {
            return self.call(name, column);
        }
        match name {
            "true" => Ok(Node::Bool(true)),
            "false" => Ok(Node::Bool(false)),
            "null" => Ok(Node::Null),
            _ => Err(Fault::new(
                column,
                format!("`{name}` is no value; a text stands in single quotes: '{name}'"),
            )),
        }
    }

    fn call(&mut self, name: &str, column: usize) -> Parsed {
        if name.eq_ignore_ascii_case("pipeline") {
            self.no_arguments(name)?;
            return self.pipeline();
        }
        if name.eq_ignore_ascii_case("response") {
            self.no_arguments(name)?;
            return self.response();
        }
        let Some(signature) = Signature::find(name) else {
            return Err(Fault::new(column, function::unknown(name)));
        };
        let args = self.arguments()?;
        if let Some(refusal) = signature.refusal(args.len()) {
            return Err(Fault::new(column, refusal));
        }
        let function = signature.function;
        sound(function, &args).map_err(|reason| Fault::new(column, reason))?;
        Ok(Node::Call {
            function,
            args,
            column,
        })
    }

    fn no_arguments(&mut self, name: &str) -> Parsed<()> {
        let args = self.arguments()?;
        match args.is_empty() {
            true => Ok(()),
            false => Err(self.fault(format!("`{name}()` takes no arguments"))),
        }
    }

    fn arguments(&mut self) -> Parsed<Vec<Node>> {
        let mut args = Vec::new();
        self.at += 1;
        self.space();
        if self.eat(')') {
            return Ok(args);
        }
        loop {
            args.push(self.expression()?);
            if self.eat(')') {
                return Ok(args);
            }
            self.expect(',', "`,` or `)`")?;
        }
    }

    /// The access that comes next, if there is one.
    fn access(&mut self) -> Parsed<Option<Access>> {
        let column = self.column();
        let optional = self.eat('?');
        let key = if self.eat('.') && self.peek() != Some('[') {
            let name = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
            if name.is_empty() {
                return Err(self.expected("a name"));
            }
            Node::Text(name.to_owned())
        } else if self.eat('[') {
            let key = self.expression()?;
            self.expect(']', "`]`")?;
            key
        } else if optional {
            return Err(self.expected("`.` or `[` after `?`"));
        } else {
            return Ok(None);
        };
        Ok(Some(Access {
            key,
            optional,
            column,
        }))
    }

    fn member(&mut self, of: Node, access: Access) -> Parsed {
        self.deeper()?;
        Ok(Node::Member {
            of: Box::new(of),
            key: Box::new(access.key),
            optional: access.optional,
            column: access.column,
        })
    }

    /// The access that must come next, to a name that is known beforehand.
    fn named(&mut self, wanted: &str) -> Parsed<(String, Access)> {
        let missing = self.fault(format!("expected {wanted}"));
        match self.access()? {
            Some(access) => match &access.key {
                Node::Text(name) => Ok((name.clone(), access)),
                _ => Err(missing),
            },
            None => Err(missing),
        }
    }

    /// `.parameters.name`.
    fn pipeline(&mut self) -> Parsed {
        let (scope, access) = self.named("`.parameters`")?;
        if !scope.eq_ignore_ascii_case("parameters") {
            let reason = format!("`pipeline()` has no `{scope}` here, only `parameters`");
            return Err(Fault::new(access.column, reason));
        }
        let (name, access) = self.named("the name of a parameter")?;
        Ok(match name.as_str() {
            "ingestionStart" => Node::Bound(Bound::Start),
            "ingestionEnd" => Node::Bound(Bound::End),
            _ => Node::Param {
                name,
                optional: access.optional,
                column: access.column,
            },
        })
    }

    /// `.status`, `.headers['name']` or `.body` and what follows.
    fn response(&mut self) -> Parsed {
        let wanted = "`.body`, `.status` or `.headers`";
        let (part, access) = self.named(wanted)?;
        match part.to_ascii_lowercase().as_str() {
            "status" => Ok(Node::Status),
            "headers" => {
                let (name, _) = self.named("the name of a header")?;
                Ok(Node::Response(Selector::Header(name.to_ascii_lowercase())))
            }
            "body" => self.body(),
            _ => Err(Fault::new(
                access.column,
                format!("`response()` has no `{part}`, only {wanted}"),
            )),
        }
    }

    /// Takes in every access that is known beforehand.
    fn body(&mut self) -> Parsed {
        let mut steps = Vec::new();
        while let Some(access) = self.access()? {
            self.deeper()?;
            match step(&access.key) {
                Some(step) => steps.push(step),
                None => {
                    let of = Node::Response(Selector::Body(Path::from(steps)));
                    return self.member(of, access);
                }
            }
        }
        Ok(Node::Response(Selector::Body(Path::from(steps))))
    }
}

fn step(key: &Node) -> Option<Step> {
    match key {
        Node::Text(name) => Some(Step::Key(name.clone())),
        Node::Number(index) => index.parse().ok().map(Step::Index),
        _ => None,
    }
}

/// Refuses what can be seen beforehand to fail, or never to be true.
fn sound(function: Function, args: &[Node]) -> Result<(), String> {
    match (function, args) {
        (Function::Equals, [a, b]) => match (a.kind(), b.kind()) {
            (Some(a), Some(b)) if a != b && (a == Kind::Text || b == Kind::Text) => {
                let (a, b) = (a.name(), b.name());
                Err(format!("`equals` is never true of {a} and {b}"))
            }
            _ => Ok(()),
        },
        (Function::FormatDateTime, [_, Node::Text(format)])
        | (Function::UtcNow, [Node::Text(format)]) => {
            let format = format.parse::<DateFormat>();
            format.map(drop).map_err(|error| error.to_string())
        }
        _ => Ok(()),
    }
}
