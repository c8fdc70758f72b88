//! What functions do.

use super::date;
use super::eval::{Evaluated, Evaluation};
use super::function::Function;
use super::node::Node;
use super::value::{Worth, joined, tree};
use super::{Fault, value::Run};

impl<'a> Evaluation<'a> {
    /// The value of `function` with `args`. Those that are not needed are not looked at.
    pub(super) fn call(
        &mut self,
        function: Function,
        args: &[Node],
        column: usize,
    ) -> Evaluated<'a> {
        match (function, args) {
            (Function::If, [condition, then, otherwise]) => match self.truth(condition, column)? {
                true => self.value(then),
                false => self.value(otherwise),
            },
            (Function::And, [a, b]) => Ok(Worth::Bool(
                self.truth(a, column)? && self.truth(b, column)?,
            )),
            (Function::Or, [a, b]) => Ok(Worth::Bool(
                self.truth(a, column)? || self.truth(b, column)?,
            )),
            (Function::Not, [a]) => Ok(Worth::Bool(!self.truth(a, column)?)),
            (Function::Equals, [a, b]) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.equals(&a, &b, column).map(Worth::Bool)
            }
            (Function::Empty, [a]) => {
                let value = self.value(a)?;
                empty(&value, column).map(Worth::Bool)
            }
            (Function::Coalesce, args) => self.coalesce(args),
            (Function::Concat, args) => self.concat(args, column),
            (Function::FormatDateTime, [time, format @ ..]) => {
                self.format_time(time, format.first(), column)
            }
            (Function::UtcNow, format) => {
                let format = self.format(format.first(), column)?;
                Ok(Worth::given(format.format(self.context.now)))
            }
            // The parser lets no other count of arguments pass.
            _ => Err(Fault::new(column, "wrong number of arguments")),
        }
    }

    fn coalesce(&mut self, args: &[Node]) -> Evaluated<'a> {
        for arg in args {
            let value = self.value(arg)?;
            if !matches!(value, Worth::Null) {
                return Ok(value);
            }
        }
        Ok(Worth::Null)
    }

    fn concat(&mut self, args: &[Node], column: usize) -> Evaluated<'a> {
        let mut all: Vec<Run> = Vec::new();
        for arg in args {
            let runs = self.value(arg)?.into_runs();
            self.spend(runs.iter().map(|run| run.text.len()).sum(), column)?;
            all.extend(runs);
        }
        Ok(Worth::Text(all))
    }

    fn format_time(&mut self, time: &Node, format: Option<&Node>, column: usize) -> Evaluated<'a> {
        let time = match self.value(time)? {
            Worth::Text(runs) => date::read(&joined(&runs))
                .ok_or_else(|| Fault::new(column, "the text is no point in time"))?,
            other => {
                let reason = format!("a point in time is a text, not {}", other.kind());
                return Err(Fault::new(column, reason));
            }
        };
        let format = self.format(format, column)?;
        Ok(Worth::given(format.format(time)))
    }

    /// Whether both are the same. Values of different types are not, but that true is 1.
    fn equals(&mut self, a: &Worth<'a>, b: &Worth<'a>, column: usize) -> Result<bool, Fault> {
        Ok(match (a, b) {
            (Worth::Null, Worth::Null) => true,
            (Worth::Bool(a), Worth::Bool(b)) => a == b,
            (Worth::Number(a), Worth::Number(b)) => same_number(a, b),
            (Worth::Bool(flag), Worth::Number(number))
            | (Worth::Number(number), Worth::Bool(flag)) => {
                same_number(number, if *flag { "1" } else { "0" })
            }
            (Worth::Text(a), Worth::Text(b)) => joined(a) == joined(b),
            (Worth::Nested(a), Worth::Nested(b)) => {
                self.spend(a.len() + b.len(), column)?;
                a == b || tree(a, column)? == tree(b, column)?
            }
            _ => false,
        })
    }
}

fn empty(value: &Worth<'_>, column: usize) -> Result<bool, Fault> {
    match value {
        Worth::Null => Ok(true),
        Worth::Text(runs) => Ok(runs.iter().all(|run| run.text.is_empty())),
        Worth::Nested(text) => {
            let inside = text.get(1..).unwrap_or_default().trim_start();
            Ok(inside.starts_with([']', '}']))
        }
        other => Err(Fault::new(
            column,
            format!(
                "`empty` takes a text, a list or an object, not {}",
                other.kind()
            ),
        )),
    }
}

/// Whether two numbers are the same, however they are written. Whole numbers of any length are
/// compared digit by digit.
fn same_number(a: &str, b: &str) -> bool {
    let is_whole = |text: &str| !text.contains(['.', 'e', 'E']);
    if is_whole(a) && is_whole(b) {
        let unsigned = |text: &str| text.trim_start_matches('-').to_owned();
        return a == b || (unsigned(a) == "0" && unsigned(b) == "0");
    }
    a == b || a.parse::<f64>().ok() == b.parse::<f64>().ok()
}
