//! Plain tables: a header, a thin rule, one line per row, as wide as the terminal and no wider.

use owo_colors::OwoColorize;

use super::text::{clean, cut, width};

/// A column is never cut below this; columns that then do not fit are left out, and counted.
const NARROWEST: usize = 8;
/// A column is cut to this before others are left out.
const WIDEST: usize = 40;
/// Space between two columns.
const GAP: usize = 2;

/// Rows of text under a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// One value of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Text, to the left.
    Text(String),
    /// A number, to the right.
    Number(String),
    /// Nothing is known.
    Null,
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Null => "null",
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(super::numbers::count(number))
    }
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new<S: AsRef<str>>(header: impl IntoIterator<Item = S>) -> Self {
        let header = header
            .into_iter()
            .map(|name| clean(name.as_ref()).into_owned());
        Self {
            header: header.collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let safe = cells.into_iter().map(|cell| match cell {
            Cell::Text(text) => Cell::Text(clean(&text).into_owned()),
            Cell::Number(text) => Cell::Number(clean(&text).into_owned()),
            Cell::Null => Cell::Null,
        });
        self.rows.push(safe.collect());
    }

    /// The table for `columns` of a terminal, without a final line break.
    pub(crate) fn render(&self, columns: usize) -> String {
        let widths = self.fit(columns);
        let mut lines = vec![self.header_line(&widths), self.rule(&widths)];
        lines.extend(self.rows.iter().map(|row| row_line(row, &widths)));
        let hidden = self.header.len() - widths.len();
        if hidden > 0 {
            let names = self.header[widths.len()..].join(", ");
            let more = format!("{hidden} more: {names}");
            lines.push(cut(&more, columns).dimmed().to_string());
        }
        lines.join("\n")
    }

    /// The table for `columns` of a terminal; if not all of it fits, with a line for each column
    /// and a column for each row, which shows every field of the first rows.
    pub(crate) fn render_records(&self, columns: usize) -> String {
        if self.fit(columns).len() == self.header.len() {
            return self.render(columns);
        }
        let numbers = (1..=self.rows.len()).map(|number| format!("record {number}"));
        let mut turned = Self::new(std::iter::once("field".to_owned()).chain(numbers));
        for (index, name) in self.header.iter().enumerate() {
            let values = self.rows.iter().map(|row| match row.get(index) {
                Some(Cell::Text(text) | Cell::Number(text)) => Cell::Text(text.clone()),
                Some(Cell::Null) | None => Cell::Null,
            });
            turned.row(std::iter::once(Cell::Text(name.clone())).chain(values));
        }
        turned.render(columns)
    }

    /// Widths of the columns that are shown.
    fn fit(&self, columns: usize) -> Vec<usize> {
        let natural: Vec<usize> = (0..self.header.len()).map(|c| self.natural(c)).collect();
        for widest in [usize::MAX, WIDEST, WIDEST / 2] {
            let widths: Vec<usize> = natural.iter().map(|w| (*w).min(widest)).collect();
            if total(&widths) <= columns {
                return widen_last(widths, &natural, columns);
            }
        }
        let mut shown: Vec<usize> = natural.iter().map(|w| (*w).min(WIDEST / 2)).collect();
        while shown.len() > 1 && total(&shown) > columns {
            shown.pop();
        }
        if let [only] = shown.as_mut_slice() {
            *only = (*only).min(columns.max(NARROWEST));
        }
        shown
    }

    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| width(cell.text())).max().unwrap_or(0);
        widest.max(width(&self.header[column]))
    }

    fn is_number(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.all(|cell| !matches!(cell, Cell::Text(_)))
            && self
                .rows
                .iter()
                .any(|row| matches!(row.get(column), Some(Cell::Number(_))))
    }

    fn header_line(&self, widths: &[usize]) -> String {
        let names = self.header.iter().zip(widths).enumerate();
        let cells = names
            .map(|(column, (name, width))| pad(&cut(name, *width), *width, self.is_number(column)));
        join(cells).bold().to_string()
    }

    fn rule(&self, widths: &[usize]) -> String {
        join(widths.iter().map(|width| "─".repeat(*width)))
            .dimmed()
            .to_string()
    }
}

/// Gives the room that is left over to the columns that were cut, from the left.
fn widen_last(mut widths: Vec<usize>, natural: &[usize], columns: usize) -> Vec<usize> {
    let mut spare = columns - total(&widths);
    for (width, natural) in widths.iter_mut().zip(natural) {
        let more = (natural - *width).min(spare);
        *width += more;
        spare -= more;
    }
    widths
}

fn total(widths: &[usize]) -> usize {
    let gaps = widths.len().saturating_sub(1) * GAP;
    widths
        .iter()
        .fold(gaps, |sum, width| sum.saturating_add(*width))
}

fn row_line(row: &[Cell], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let right = matches!(cell, Cell::Number(_));
        let text = pad(&cut(cell.text(), *width), *width, right);
        match cell {
            Cell::Null => text.dimmed().to_string(),
            Cell::Text(_) | Cell::Number(_) => text,
        }
    });
    join(cells)
}

fn pad(text: &str, columns: usize, right: bool) -> String {
    let space = " ".repeat(columns.saturating_sub(width(text)));
    if right {
        space + text
    } else {
        text.to_owned() + &space
    }
}

fn join(cells: impl Iterator<Item = String>) -> String {
    let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(table: &Table, columns: usize) -> String {
        anstream::adapter::strip_str(&table.render(columns)).to_string()
    }

    fn members() -> Table {
        let mut table = Table::new(["id", "email", "visits"]);
        table.row(["a1".into(), "zoe@example.com".into(), Cell::from(12_345)]);
        table.row(["b2".into(), Cell::Null, Cell::from(7)]);
        table
    }

    #[test]
    fn numbers_stand_right_and_nulls_are_named() {
        let expected = "\
id  email            visits
──  ───────────────  ──────
a1  zoe@example.com  12,345
b2  null                  7";
        assert_eq!(plain(&members(), usize::MAX), expected);
    }

    #[test]
    fn what_does_not_fit_is_cut_or_counted() {
        let mut table = Table::new(["name", "text", "more"]);
        table.row([
            "x".repeat(30).into(),
            "y".repeat(90).into(),
            "z\u{1b}[2J".into(),
        ]);
        for columns in [20, 30, 60, 80, 130] {
            for line in plain(&table, columns).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
                assert!(!line.contains('\u{1b}'));
            }
        }
        assert!(plain(&table, 20).contains("2 more: text, more"));
        assert!(plain(&table, 80).contains("yyy…"));
    }

    #[test]
    fn records_that_are_too_wide_are_turned() {
        let narrow = anstream::adapter::strip_str(&members().render_records(24)).to_string();
        let expected = "\
field   record 1
──────  ───────────────
id      a1
email   zoe@example.com
visits  12,345
1 more: record 2";
        assert_eq!(narrow, expected);
        assert_eq!(members().render_records(80), members().render(80));
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(plain(&Table::new(["a"]), 80), "a\n─");
    }
}
