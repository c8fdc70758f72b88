//! `tapline validate --explain CODE`: what a code means, and what to write instead.

use owo_colors::OwoColorize;
use serde_json::{Value, json};
use tapline_spec::Explanation;

use crate::app::App;
use crate::exit_code::Exit;
use crate::failure::{Failure, Result};
use crate::output::Table;
use crate::output::table::Cell;
use crate::output::text::closest;

/// Says what `code` means; `all` lists every code.
///
/// # Errors
/// There is no such code.
pub(crate) fn explain(app: &App, code: &str) -> Result<Exit> {
    if code == "all" {
        list(app)?;
        return Ok(Exit::COMPLETE);
    }
    let found = tapline_spec::explain(code).ok_or_else(|| {
        let hint = match closest(code, tapline_spec::codes()) {
            Some(code) => format!("did you mean `{code}`?"),
            None => "`tapline validate --explain all` lists the codes".to_owned(),
        };
        Failure::usage(format!("there is no code `{code}`"), hint)
    })?;
    if app.screen.is_json() {
        app.screen.json(&document(found))?;
    } else {
        app.screen.line(text(found))?;
    }
    Ok(Exit::COMPLETE)
}

fn all() -> impl Iterator<Item = &'static Explanation> {
    tapline_spec::codes().filter_map(tapline_spec::explain)
}

fn list(app: &App) -> Result<()> {
    if app.screen.is_json() {
        let all: Vec<Value> = all().map(document).collect();
        return app.screen.json(&all);
    }
    let mut table = Table::new(["code", "meaning"]);
    for explanation in all() {
        let cells = [explanation.code, explanation.title];
        table.row(cells.map(|cell| Cell::Text(cell.to_owned())));
    }
    app.screen.line(table.render(app.screen.width()))
}

fn document(explanation: &Explanation) -> Value {
    json!({
        "code": explanation.code,
        "title": explanation.title,
        "text": explanation.text,
        "bad": explanation.example_bad,
        "fixable": explanation.is_fixable(),
        "good": explanation.example_good,
    })
}

fn text(explanation: &Explanation) -> String {
    let indented = |text: &str| {
        let lines = text.lines().map(|line| format!("    {line}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut text = format!(
        "{} {}\n\n{}",
        explanation.code.bold(),
        explanation.title,
        explanation.text
    );
    if !explanation.example_bad.is_empty() {
        text += &format!(
            "\n\n{}\n{}",
            "instead of".dimmed(),
            indented(explanation.example_bad)
        );
    }
    if !explanation.example_good.is_empty() {
        text += &format!(
            "\n\n{}\n{}",
            "write".dimmed(),
            indented(explanation.example_good)
        );
    }
    if explanation.is_fixable() {
        text += "\n\n`tapline validate --fix` does it.";
    }
    text
}
