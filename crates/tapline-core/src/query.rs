//! What a destination that can be asked answers to people.

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// True or false, where the destination has such a type.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, and everything that is shown as one.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Rows, and whether there were more.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryResult {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// At most as many rows as were asked for.
    pub rows: Vec<Vec<Cell>>,
    /// Whether rows were left out.
    pub truncated: bool,
}
